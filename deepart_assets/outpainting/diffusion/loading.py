"""Finds, checks and loads a diffusers pipeline by model id or folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepart_assets.compat import prepare
from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.diffusion.completeness import (
    check_memory,
    fault_of,
    load_whole,
)
from deepart_assets.outpainting.diffusion.controlnet import call_for, load_controlnet
from deepart_assets.outpainting.diffusion.families import BY_MODEL, BY_PIPELINE, FAMILIES, Family
from deepart_assets.outpainting.diffusion.quantization import (
    check_parts,
    load_gguf,
    quantized,
    replaced_by,
)
from deepart_assets.settings.diffusion import GGUF, ControlNet, Quantization
from deepart_assets.storage.hub import check_disk, download_model, hash_of_model, local_folder

if TYPE_CHECKING:
    import torch

SETTING = "the outpainter's model"
INDEX = "model_index.json"
UNUSED = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts that are neither fetched nor loaded. The safety checker takes much in paintings for nudity,
and would return a black picture."""
NETWORKS = ("unet", "transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")
FILES = (
    # Not *.safetensors: a folder may hold the same weights in other formats (model.fp16.…).
    *("model.safetensors", "model-*.safetensors"),
    *("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model-*.safetensors"),
    *("*.json", "*.txt", "*.jinja", "spiece.model"),
)
"""The files of each part: weights, configuration, vocabulary, chat template."""


def find_folder(
    model: str,
    revision: str | None,
    families: Sequence[Family] = FAMILIES,
    quantization: Quantization | None = None,
) -> Path:
    """Return the folder of a model: `model` itself if it is a folder, else that in the hub's cache.

    Raises:
        UnavailableError: It is unavailable, no pipeline of these families, or without a network
            that is to be quantized; the message has the remedy.
    """
    try:
        # The index first: it tells the kind before gigabytes are fetched.
        folder = download_model(model, revision, [INDEX], SETTING)
        index, family = read_index(folder, families, model)
        check_parts(quantization, networks_of(index), model)
        replaced = replaced_by(quantization, family)
        networks = networks_of(index, replaced)
        if local_folder(model) is None:
            wanted = _patterns(index, replaced)
            check_disk(model, revision, wanted)
            folder = download_model(model, revision, wanted, SETTING)
            if not any(file for each in networks for file in (folder / each).glob("*.safetensors")):
                raise UnavailableError(
                    f"the model {model} has no weights in safetensors, and others could hold code:"
                    f" correct {SETTING}"
                )
    except UnavailableError as error:
        licence = BY_MODEL[model].models[model] if model in BY_MODEL else ""
        if "is gated" in str(error) and licence:
            raise UnavailableError(f"{error}. Its licence: {licence}") from error
        raise
    if fault := fault_of(folder, networks):
        raise _damaged(folder, fault)
    return folder


def hash_of_pipeline(folder: Path, quantization: Quantization | None = None) -> str:
    """Return the SHA-256 over the files that affect the result.

    These are the weights, configurations (including the scheduler's) and vocabularies of the parts
    that are used; other files in the folder, such as README or checkpoints, do not count.

    Raises:
        UnavailableError: The folder does not contain a pipeline.
    """
    index, family = read_index(folder)
    return hash_of_model(folder, _patterns(index, replaced_by(quantization, family)))


def _patterns(index: Mapping[str, Any], replaced: Sequence[str] = ()) -> tuple[str, ...]:
    """Return patterns of the files of the parts that are used.

    Args:
        index: The pipeline's.
        replaced: Networks whose weights come from elsewhere: of them the configuration alone.
    """
    parts = [
        name
        for name, value in index.items()
        if isinstance(value, list) and any(value) and name not in UNUSED
    ]
    files = [f"{part}/{file}" for part in parts if part not in replaced for file in FILES]
    return (INDEX, *files, *(f"{part}/config.json" for part in replaced))


def load_pipeline(
    folder: Path,
    dtype: "torch.dtype",
    quantization: Quantization | None = None,
    controlnet: ControlNet | None = None,
) -> Any:
    """Return the inpainting pipeline in a folder, on the CPU.

    Raises:
        UnavailableError: It is of another kind, or files or weights are missing or damaged.
            Missing weights would otherwise be random.
    """
    index, family = read_index(folder)
    prepare()
    import diffusers
    from safetensors import SafetensorError

    try:
        needed = networks_of(index, replaced_by(quantization, family))
        if quantization is None:  # else it is less, by how much the packages know
            check_memory(folder, needed, dtype.itemsize, str(folder))
        networks = {
            name: load_whole(
                _class_of(name, index[name]),
                folder / name,
                name,
                dtype=dtype,
                **quantized(quantization, name, index[name]),
            )
            for name in needed
        }
        if isinstance(quantization, GGUF):
            kind = getattr(diffusers, index[family.denoiser][1])
            networks[family.denoiser] = load_gguf(
                quantization, kind, folder, family.denoiser, dtype
            )
        channels_of(networks[family.denoiser].config, folder, family)
        inpaints = family.inpaints
        if controlnet:
            call = call_for(family, str(folder))
            networks["controlnet"] = load_controlnet(controlnet, call, dtype)
            inpaints = call.inpaints
        pipeline = getattr(diffusers, inpaints).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            **networks,
            **{part: None for part in UNUSED if part in index},
            **family.options,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise _damaged(folder, first_line(error)) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def read_index(
    folder: Path, families: Sequence[Family] = FAMILIES, model: str = ""
) -> tuple[dict[str, Any], Family]:
    """Return a pipeline's index (library and class of each part by name, settings) and family.

    Args:
        folder: The folder of the pipeline.
        families: Those that are wanted.
        model: The model's id, for the message; its folder by default.

    Raises:
        UnavailableError: There is no index, or it is that of another pipeline.
    """
    name = model or folder
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
        kind = index["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnavailableError(
            f"{name} does not hold a pipeline of diffusers (no readable {INDEX}): correct {SETTING}"
        ) from error
    family = BY_PIPELINE.get(kind) if isinstance(kind, str) else None  # a list: code of its own
    if family is None or family not in families:
        known = "; ".join(f"{each.name} ({', '.join(each.pipelines)})" for each in families)
        other = ", or its kind to diffusers, which paints with it" if family else ""
        raise UnavailableError(
            f"{name} holds a {kind}, which cannot inpaint here: set {SETTING} to one of"
            f" {known}{other}"
        )
    return dict(index), family


def denoiser_config(folder: Path, family: Family) -> dict[str, Any]:
    """Return the configuration of a pipeline's denoising network.

    Raises:
        UnavailableError: There is none.
    """
    try:
        return dict(json.loads((folder / family.denoiser / "config.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, first_line(error)) from error


def channels_of(config: Mapping[str, Any], folder: Path, family: Family) -> int:
    """Return the number of input channels of a denoising network.

    Raises:
        UnavailableError: It is none with which the family inpaints.
    """
    channels: Any = config.get("in_channels")
    if channels not in family.strengths:
        raise UnavailableError(
            f"{folder} holds a network with {channels} input channels, which cannot inpaint"
            f" ({' or '.join(map(str, sorted(family.strengths)))} can): correct {SETTING}"
        )
    return int(channels)


def _damaged(folder: Path, fault: str) -> UnavailableError:
    return UnavailableError(
        f"{folder} does not hold a whole pipeline in safetensors ({fault}): correct {SETTING},"
        " or delete the folder and fetch it again"
    )


def networks_of(index: Mapping[str, Any], replaced: Sequence[str] = ()) -> list[str]:
    """Return the names of a pipeline's networks that are used, but for those of `replaced`."""
    return [name for name in NETWORKS if name in index and index[name][0] and name not in replaced]


def _class_of(name: str, kind: list[str]) -> Any:
    """Return a network's class by library and name; raises ValueError if there is none."""
    import diffusers
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    library, class_name = kind
    if library not in libraries or not hasattr(libraries[library], class_name):
        raise ValueError(f"{name} is a {class_name} of {library}, which is not known")
    return getattr(libraries[library], class_name)
