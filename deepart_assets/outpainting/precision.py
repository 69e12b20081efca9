"""Chooses the device and the number format of learned outpainters."""

from typing import TYPE_CHECKING

from deepart_assets.settings.stable_diffusion import Precision

if TYPE_CHECKING:
    import torch


def device_name() -> str:
    """Return "cuda" where there is a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype_for(precision: Precision, device: str) -> "torch.dtype":
    """Return the number format: for auto, float16 on a GPU and float32 on a CPU."""
    import torch

    if precision == "auto":
        return torch.float32 if device == "cpu" else torch.float16
    return {
        "float32": torch.float32,
        "float16": torch.float16,
        "bfloat16": torch.bfloat16,
    }[precision]
