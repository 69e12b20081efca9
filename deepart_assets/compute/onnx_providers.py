"""What onnxruntime computes with."""

import logging
from collections.abc import Sequence
from functools import cache

from deepart_assets.compute.devices import best_device

_log = logging.getLogger(__name__)

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def providers(available: Sequence[str]) -> list[str]:
    """Return the providers for a session, the GPU's first where onnxruntime has it.

    A GPU that torch sees and onnxruntime cannot use is warned of, once a process.

    Args:
        available: Of `onnxruntime.get_available_providers`.
    """
    if CUDA in available:
        return [CUDA, CPU]
    if best_device() == "cuda":
        _warn()
    return [CPU]


@cache
def _warn() -> None:
    _log.warning(
        "onnxruntime has no CUDA provider, so its models run on the CPU beside an idle GPU, many"
        " times slower: replace the package onnxruntime with onnxruntime-gpu"
    )
