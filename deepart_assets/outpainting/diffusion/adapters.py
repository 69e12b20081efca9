"""Finds LoRAs and IP-Adapters, and adds them to a pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.diffusion.completeness import load_whole
from deepart_assets.outpainting.diffusion.families import Encoder
from deepart_assets.settings.diffusion import IPAdapter, Lora
from deepart_assets.settings.places import project_path
from deepart_assets.storage.hub import download_file, download_model, hash_of_model

SETTING = "the model of the outpainter's LoRA"
IP_SETTING = "the model of the outpainter's ip_adapter"
ENCODER_FILES = ("config.json", "model.safetensors")


def lora_file(lora: Lora) -> Path:
    """Return the file of a LoRA: the model itself, or that in its folder or the hub's cache.

    Raises:
        UnavailableError: There is none; the message has the remedy.
    """
    if not lora.model.endswith(".safetensors"):
        return download_file(lora.model, lora.weight_name, lora.revision, SETTING)
    file = project_path(lora.model)
    if not file.is_file():
        raise UnavailableError(f"there is no file {file}: correct {SETTING}")
    return file


def add_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Add LoRAs to a pipeline's networks, each at its scale.

    Raises:
        UnavailableError: One is unavailable, damaged, or made for another model, which diffusers
            itself would pass over with a warning.
    """
    names = [f"lora_{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        file = lora_file(lora)
        try:
            pipeline.load_lora_weights(
                str(file.parent),
                weight_name=file.name,
                adapter_name=name,
                local_files_only=True,
                use_safetensors=True,
            )
        except Exception as error:
            # Files of another layout fail in many ways, inside of their conversion.
            if is_out_of_memory(error):
                raise
            raise _unsuitable(lora, pipeline, error) from error
        if not any(name in added for added in pipeline.get_list_adapters().values()):
            raise _unsuitable(lora, pipeline)
    if names:
        pipeline.set_adapters(names, [lora.scale for lora in loras])


def hashes_of_ip_adapter(adapter: IPAdapter) -> dict[str, str]:
    """Return the SHA-256 over an IP-Adapter's files, and over its image encoder's if that is apart.

    Raises:
        UnavailableError: It or a file in it is not available; the message has the remedy.
    """
    folder, encoder_folder = _folders(adapter)
    found = {"ip_adapter": hash_of_model(folder, ip_adapter_files(adapter))}
    if adapter.image_encoder_model:
        found["image_encoder"] = hash_of_model(encoder_folder, ENCODER_FILES)
    return found


def ip_adapter_files(adapter: IPAdapter) -> tuple[str, ...]:
    """Return an IP-Adapter's files: its weights, and its image encoder's unless that is apart."""
    if adapter.image_encoder_model:
        return (adapter.weight_name,)
    return (adapter.weight_name, *(f"{adapter.image_encoder}/{file}" for file in ENCODER_FILES))


def add_ip_adapter(pipeline: Any, adapter: IPAdapter, encoder: Encoder) -> None:
    """Add an IP-Adapter and its image encoder to a pipeline of a family that takes one.

    Raises:
        UnavailableError: It is unavailable, damaged, or made for another model.
    """
    folder, encoder_folder = _folders(adapter)
    try:
        pipeline.register_modules(**_image_encoder(encoder_folder, encoder, pipeline.dtype))
        pipeline.load_ip_adapter(
            str(folder), subfolder="", weight_name=adapter.weight_name, local_files_only=True
        )
    except Exception as error:
        # Files of another model fail in many ways, inside of their conversion.
        if is_out_of_memory(error):
            raise
        raise UnavailableError(
            f"{adapter.model} holds no IP-Adapter for a {type(pipeline).__name__}"
            f" ({first_line(error)[:200]}): correct {IP_SETTING}, its weight_name or its image"
            " encoder"
        ) from error
    pipeline.set_ip_adapter_scale(adapter.scale)


def _folders(adapter: IPAdapter) -> tuple[Path, Path]:
    """Return the folders of an IP-Adapter and of its image encoder, fetched if necessary."""
    folder = _fetched(adapter.model, adapter.revision, ip_adapter_files(adapter))
    if encoder := adapter.image_encoder_model:
        return folder, _fetched(encoder, adapter.image_encoder_revision, ENCODER_FILES)
    return folder, folder / adapter.image_encoder


def _fetched(model: str, revision: str | None, files: Sequence[str]) -> Path:
    folder = download_model(model, revision, files, IP_SETTING)
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise UnavailableError(
            f"{model} has no file {missing[0]}: correct {IP_SETTING}, its weight_name or its image"
            " encoder"
        )
    return folder


def _image_encoder(folder: Path, kind: Encoder, dtype: Any) -> dict[str, Any]:
    """Return an image encoder and what prepares its pictures, as parts of a pipeline.

    Raises:
        ValueError: The encoder lacks weights, which would be random.
    """
    import transformers as known

    is_clip = kind == "clip"
    network: Any = known.CLIPVisionModelWithProjection if is_clip else known.SiglipVisionModel
    verbosity = known.logging.get_verbosity()
    known.logging.set_verbosity_error()  # else the unused half of a CLIP is reported, key by key
    try:
        encoder = load_whole(network, folder, "the image encoder", dtype=dtype)
    finally:
        known.logging.set_verbosity(verbosity)
    side = encoder.config.image_size
    prepares: Any = (
        known.CLIPImageProcessor(size=side, crop_size=side)
        if is_clip
        else known.SiglipImageProcessor(size={"height": side, "width": side})
    )
    return {"image_encoder": encoder.eval(), "feature_extractor": prepares}


def _unsuitable(lora: Lora, pipeline: Any, error: Exception | None = None) -> UnavailableError:
    reason = f" ({first_line(error)[:200]})" if error else ""
    return UnavailableError(
        f"{lora.model} holds no LoRA for a {type(pipeline).__name__}{reason}: correct {SETTING}, or"
        " choose one that was made for this model"
    )
