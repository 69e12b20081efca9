"""Finds LoRAs, and adds them to a pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.diffusion import Lora
from deepart_assets.storage.hub import download_file

SETTING = "the model of the outpainter's LoRA"


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


def _unsuitable(lora: Lora, pipeline: Any, error: Exception | None = None) -> UnavailableError:
    first = (str(error).splitlines() or [""])[0].rstrip(". ") if error else ""
    reason = f" ({first[:200]})" if first else ""
    return UnavailableError(
        f"{lora.model} holds no LoRA for a {type(pipeline).__name__}{reason}: correct {SETTING}, or"
        " choose one that was made for this model"
    )
