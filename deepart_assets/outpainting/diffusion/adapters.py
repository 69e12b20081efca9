"""Finds LoRAs and IP-Adapters, and adds them to a pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.settings.diffusion import IPAdapter, Lora
from deepart_assets.storage.hub import download_file, download_model

SETTING = "the model of the outpainter's LoRA"
IP_SETTING = "the model of the outpainter's ip_adapter"


def lora_file(lora: Lora) -> Path:
    """Return the file of a LoRA: the model itself, or that in its folder or the hub's cache.

    Raises:
        UnavailableError: There is none; the message has the remedy.
    """
    if not lora.model.endswith(".safetensors"):
        return download_file(lora.model, lora.weight_name, lora.revision, SETTING)
    if not Path(lora.model).is_file():
        raise UnavailableError(f"there is no file {lora.model}: correct {SETTING}")
    return Path(lora.model)


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


def ip_adapter_folder(adapter: IPAdapter) -> Path:
    """Return the folder of an IP-Adapter, fetched if necessary.

    Raises:
        UnavailableError: It or a file in it is not available; the message has the remedy.
    """
    files = ip_adapter_files(adapter)
    folder = download_model(adapter.model, adapter.revision, files, IP_SETTING)
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        raise UnavailableError(
            f"{adapter.model} has no file {missing[0]}: correct {IP_SETTING}, its weight_name or"
            " its image_encoder"
        )
    return folder


def ip_adapter_files(adapter: IPAdapter) -> tuple[str, ...]:
    """Return the files of an IP-Adapter: its weights, and those of its image encoder."""
    encoder = adapter.image_encoder
    return (adapter.weight_name, f"{encoder}/config.json", f"{encoder}/model.safetensors")


def add_ip_adapter(pipeline: Any, adapter: IPAdapter) -> None:
    """Add an IP-Adapter and its image encoder to a pipeline.

    Raises:
        UnavailableError: It is unavailable, damaged, or made for another model.
    """
    folder = ip_adapter_folder(adapter)
    subfolder, _, name = adapter.weight_name.rpartition("/")
    try:
        pipeline.load_ip_adapter(
            str(folder),
            subfolder=subfolder,
            weight_name=name,
            image_encoder_folder=adapter.image_encoder,
            local_files_only=True,
        )
    except Exception as error:
        # Files of another model fail in many ways, inside of their conversion.
        if is_out_of_memory(error):
            raise
        first = first_line(error).rstrip(". ")[:200]
        raise UnavailableError(
            f"{adapter.model} holds no IP-Adapter for a {type(pipeline).__name__} ({first}):"
            f" correct {IP_SETTING} or its weight_name"
        ) from error
    pipeline.set_ip_adapter_scale(adapter.scale)


def _unsuitable(lora: Lora, pipeline: Any, error: Exception | None = None) -> UnavailableError:
    first = (str(error).splitlines() or [""])[0].rstrip(". ") if error else ""
    reason = f" ({first[:200]})" if first else ""
    return UnavailableError(
        f"{lora.model} holds no LoRA for a {type(pipeline).__name__}{reason}: correct {SETTING}, or"
        " choose one that was made for this model"
    )
