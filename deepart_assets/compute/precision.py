"""The number formats that a profile can choose, as torch dtypes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
"""Short names. Profiles use both spellings, which are part of the provenance of results."""


def dtype_for(precision: str, device: str, on_gpu: str = "float16") -> "torch.dtype":
    """Return the dtype of a `precision` setting.

    Args:
        precision: `float32`, `float16` or `bfloat16`, their short names `fp32`, `fp16` or `bf16`,
            or `auto`: `on_gpu` on a GPU and float32 on a CPU.
        device: "cpu" or "cuda".
        on_gpu: What `auto` stands for on a GPU.
    """
    import torch

    if precision == "auto":
        precision = "float32" if device == "cpu" else on_gpu
    dtype: torch.dtype = getattr(torch, _NAMES.get(precision, precision))
    return dtype
