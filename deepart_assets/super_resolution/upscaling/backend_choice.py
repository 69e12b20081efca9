"""Which backend runs a network: what the settings ask for, as far as machine and network allow."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from deepart_assets.compute.precision import dtype_for
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.upscaling.backends import Backend, TorchBackend, of_spandrel
from deepart_assets.super_resolution.upscaling.openvino_backends import (
    FixedSizeOpenVinoBackend,
    OpenVinoBackend,
)

if TYPE_CHECKING:
    from torch import nn

    from deepart_assets.super_resolution.weights.spandrel_network import SpandrelNetwork

LARGEST_SIDE = 320
"""A network of one size is compiled for no larger squares, in pixels: a minute on two cores for
DAT-light."""

_log = logging.getLogger(__name__)


def backend_for(net: nn.Module, settings: Upscaling) -> Backend:
    """Return what runs a network by `settings.backend` and `settings.precision`.

    Args:
        net: A float32 network in evaluation mode on its device; its dtype and memory layout may be
            changed in place.
        settings: `auto` is OpenVINO on a CPU where it is installed and can run the network, else
            torch.

    Raises:
        UnavailableError: fp16 on a CPU, a precision that the network does not support, or `backend:
            openvino` where OpenVINO is not installed, a GPU is in use, the network cannot be
            converted, or its tiles are too large to compile.
    """
    import torch

    on_cpu = next(net.parameters()).device.type == "cpu"
    precision, wanted = settings.precision, settings.backend
    if precision == "fp16" and on_cpu:
        raise UnavailableError(
            "super_resolution.upscaling.precision: fp16 needs a GPU; use bf16 or fp32"
        )
    dtype, other = dtype_for(precision, "cpu" if on_cpu else "cuda"), of_spandrel(net)
    if other is not None and not other.supports(dtype):
        formats = "bf16 or fp32" if other.supports(torch.bfloat16) else "fp32"
        raise UnavailableError(
            f"the ×4 network is {other}, which cannot be run in {precision}: set"
            f" super_resolution.upscaling.precision to {formats}"
        )
    if wanted == "openvino" or (wanted == "auto" and on_cpu):
        try:
            _check_usable(on_cpu)
            return _openvino(net, other, settings)
        except UnavailableError as reason:
            if wanted == "openvino":
                raise
            _log.info("upscaling runs on torch: %s", reason)
    if other is not None:
        return TorchBackend(net.to(dtype))
    # torch's annotations of `to` lack memory_format without a tensor.
    laid_out: nn.Module = net.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchBackend(laid_out)


def _openvino(net: nn.Module, other: SpandrelNetwork | None, settings: Upscaling) -> Backend:
    """Return the backend of OpenVINO for a network, which may be another than our RRDBNet.

    Raises:
        UnavailableError: It is not for this network.
    """
    if other is not None and not other.tiles:
        raise UnavailableError(
            f"OpenVINO runs no {other}, which must see a picture as a whole: set"
            " super_resolution.upscaling.backend to torch"
        )
    if other is None or other.takes_any_size:
        return OpenVinoBackend(net, settings.precision)
    largest = settings.tile + 2 * settings.overlap
    if largest > LARGEST_SIDE:
        raise UnavailableError(
            f"OpenVINO would take minutes to compile {other} for {largest} pixels: set"
            f" super_resolution.upscaling.tile to at most {LARGEST_SIDE - 2 * settings.overlap},"
            " or backend to torch"
        )
    return FixedSizeOpenVinoBackend(net, settings.precision, largest)


def _check_usable(on_cpu: bool) -> None:
    if not on_cpu:
        raise UnavailableError(
            "super_resolution.upscaling.backend: openvino runs on a CPU, and the network is on a"
            " GPU; use auto or torch"
        )
    if find_spec("openvino") is None:
        raise UnavailableError(
            "OpenVINO, which is faster on a CPU, is not installed:"
            " pip install 'deepart_assets[openvino]'"
        )
