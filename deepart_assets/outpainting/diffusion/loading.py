"""Loads a diffusers pipeline from a model id or folder, complete or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepart_assets.compat import prepare
from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError
from deepart_assets.storage.hub import hash_of_model, model_folder

if TYPE_CHECKING:
    import torch

SETTING = "the outpainter's model"
INDEX = "model_index.json"
UNUSED = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts that are neither fetched nor loaded. Paintings are full of what the safety checker takes
for nudity, and it would black them out."""
KINDS: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionInpaintPipeline": {"requires_safety_checker": False},
    "StableDiffusionPipeline": {"requires_safety_checker": False},
    # Where the package invisible-watermark happens to be installed, it would change the pictures.
    "StableDiffusionXLInpaintPipeline": {"add_watermarker": False},
    "StableDiffusionXLPipeline": {"add_watermarker": False},
}
"""The pipelines that can be used, with the arguments of each; SD 2 has the classes of SD 1.5."""
CHANNELS = {
    4: "latents alone; what is known is put back at each step",
    9: "latents, mask, latents of the masked picture",
}
"""Inputs of the denoising network with which diffusers can inpaint."""
NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
FILES = (
    # Not *.safetensors: a folder may hold the same weights in other formats (model.fp16.…).
    *("model.safetensors", "model-*.safetensors"),
    *("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model-*.safetensors"),
    *("*.json", "*.txt"),
)
"""Of each part: weights, configuration, vocabulary."""


def find_folder(model: str, revision: str | None) -> Path:
    """Return the folder of a model, fetched or found in the hub's cache if it is no folder itself.

    Raises:
        UnavailableError: It is unavailable, or not a pipeline; names model and remedy.
    """

    def fetch() -> str:
        prepare()
        from diffusers import DiffusionPipeline
        from huggingface_hub import snapshot_download

        # First what kind it is, before gigabytes of another kind are fetched.
        first = snapshot_download(model, revision=revision, allow_patterns=[INDEX])
        _index(Path(first), model)
        try:
            return str(
                DiffusionPipeline.download(
                    model, revision=revision, use_safetensors=True, **dict.fromkeys(UNUSED)
                )
            )
        except OSError as error:
            if "safetensors" not in str(error):
                raise
            raise UnavailableError(
                f"the model {model} has no weights in safetensors, and others could hold code:"
                f" correct {SETTING}"
            ) from error

    folder = model_folder(model, SETTING, fetch)
    _index(folder, model)
    return folder


def hash_of_pipeline(folder: Path) -> str:
    """Return the SHA-256 over the files that decide what a pipeline paints.

    These are the weights, the configurations (of the scheduler, too) and the vocabularies of the
    parts that are used; not what else is in the folder, such as README or checkpoints.

    Raises:
        UnavailableError: The folder holds no pipeline.
    """
    parts = [
        name
        for name, value in _index(folder).items()
        if isinstance(value, list) and any(value) and name not in UNUSED
    ]
    return hash_of_model(folder, (INDEX, *(f"{part}/{file}" for part in parts for file in FILES)))


def load_pipeline(folder: Path, dtype: "torch.dtype") -> Any:
    """Return the inpainting pipeline in a folder, on the CPU.

    Raises:
        UnavailableError: It is of another kind, or a file of it is missing or damaged, or weights
            are missing in one; diffusers would make them up.
    """
    index = _index(folder)
    prepare()
    from diffusers import AutoPipelineForInpainting
    from safetensors import SafetensorError

    from_disk = {"local_files_only": True, "use_safetensors": True, "dtype": dtype}
    try:
        networks = {name: _network(folder, name, index[name], from_disk) for name in _needed(index)}
        channels = networks["unet"].config.in_channels
        if channels not in CHANNELS:
            raise UnavailableError(
                f"{folder} holds a network with {channels} input channels, which cannot inpaint"
                f" ({' or '.join(map(str, CHANNELS))} can): correct {SETTING}"
            )
        pipeline = AutoPipelineForInpainting.from_pretrained(
            folder,
            **from_disk,
            **networks,
            **{part: None for part in UNUSED if part in index},
            **KINDS[index["_class_name"]],
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        first = (str(error).splitlines() or [""])[0].rstrip(". ")
        raise UnavailableError(
            f"{folder} does not hold a whole pipeline in safetensors ({first}): correct {SETTING},"
            " or delete the folder and fetch it again"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _index(folder: Path, model: str = "") -> dict[str, Any]:
    """Return a pipeline's list of parts: library and class by name, and settings of its own."""
    name = model or folder
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        kind = index["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            f"{name} does not hold a pipeline of diffusers (no readable {INDEX}): correct {SETTING}"
        ) from error
    if kind not in KINDS:
        raise UnavailableError(
            f"{name} holds a {kind}, which cannot inpaint here: set {SETTING} to one with a"
            f" {', '.join(KINDS)}"
        )
    return dict(index)


def _needed(index: Mapping[str, Any]) -> list[str]:
    return [name for name in NETWORKS if name in index and index[name][0]]


def _network(folder: Path, name: str, kind: list[str], how: Mapping[str, Any]) -> Any:
    """Return one network, all of whose weights are in its file."""
    import diffusers
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    library, class_name = kind
    if library not in libraries or not hasattr(libraries[library], class_name):
        raise ValueError(f"{name} is a {class_name} of {library}, which is not known")
    network, report = getattr(libraries[library], class_name).from_pretrained(
        folder / name, output_loading_info=True, **how
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(f"{name} lacks {len(missing)} weights, the first is {missing[0]}")
    return network
