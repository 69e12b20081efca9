"""How a ×4 network is executed: eagerly by torch, or on a CPU by OpenVINO.

Tiles and memory are in `upscaler`.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from deepart_assets.compute.precision import dtype_for
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.settings.super_resolution import Precision, Upscaling

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deepart_assets.super_resolution.weights.spandrel_network import SpandrelNetwork

PROBE = (1, 3, 20, 28)
"""Shape of the picture on which OpenVINO's result is compared with torch's. It differs from that of
the traced example in both sides, so that sizes fixed by tracing are found."""

TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "bf16": 0.1}
"""Largest difference on the probe, relative to the largest value. Measured: 3e-6 and 0.01."""

_log = logging.getLogger(__name__)


class Backend(Protocol):
    """Runs a network: float32 N×3×H×W in [0, 1] on `device` to float32 N×3×4H×4W, not clamped."""

    @property
    def device(self) -> torch.device:
        """Where the input has to be."""
        ...

    @property
    def tiles(self) -> bool:
        """Whether pictures are cut into tiles before memory asks for it."""
        ...

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge a batch. The result does not depend on earlier calls."""
        ...


class TorchBackend:
    """Runs a network eagerly, channels last, on the device and in the dtype of its weights."""

    def __init__(self, net: nn.Module) -> None:
        """Take a network in evaluation mode, which stays as it is."""
        first = next(net.parameters())
        self._net, self._dtype = net, first.dtype
        self.device = first.device
        other = _of_spandrel(net)
        self.tiles = other is None or other.tiles
        self._channels_last = other is None  # attention cannot view it

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge as `Backend` says."""
        import torch

        with torch.inference_mode():
            layout = torch.channels_last if self._channels_last else torch.contiguous_format
            batch = batch.to(self._dtype).contiguous(memory_format=layout)
            made: torch.Tensor = self._net(batch)
            return made.float()


class OpenVinoBackend:
    """Runs a network on the CPU by OpenVINO, with as many threads as torch has.

    The network is traced and compiled once, with dynamic shapes: another tile size does not compile
    it again. Nothing is written to disk.
    """

    def __init__(self, net: nn.Module, precision: Precision = "fp32") -> None:
        """Compile a float32 network in evaluation mode on the CPU, which stays as it is.

        Args:
            net: Maps N×3×H×W to N×3×4H×4W.
            precision: fp32 or bf16. A CPU without bf16 instructions may compute in fp32 instead.

        Raises:
            UnavailableError: OpenVINO cannot convert the network, or does not reproduce torch's
                result.
        """
        import torch

        self.device = torch.device("cpu")
        self.tiles = True
        self._busy = threading.Lock()  # an inference request serves one thread at a time
        try:
            self._compile = _compiler(net, precision)
            self._request: Any = self._compile().create_infer_request()
            difference = self._difference(net)
        except Exception as error:  # OpenVINO and torch's tracer raise many types
            reason = first_line(error)
            raise UnavailableError(
                f"OpenVINO cannot run this network ({reason}): set"
                " super_resolution.upscaling.backend to torch"
            ) from error
        if not difference <= TOLERANCE[precision]:
            raise UnavailableError(
                f"OpenVINO's result differs from torch's by {difference:.2g} of the largest value:"
                " set super_resolution.upscaling.backend to torch"
            )

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge as `Backend` says."""
        import torch

        with self._busy:
            if self._request is None:
                self._request = self._compile().create_infer_request()
            try:
                # Not `infer`: out of memory, it returns the result of an earlier call in silence.
                self._request.start_async([batch.contiguous().numpy()], share_inputs=True)
                self._request.wait()
            except RuntimeError:
                self._request = None  # it would fail again, with any input
                raise
            return torch.from_numpy(self._request.get_output_tensor().data.copy())

    def _difference(self, net: nn.Module) -> float:
        """Return the largest difference to torch on a fixed picture, relative to its maximum."""
        import torch

        probe = torch.linspace(0, 1, torch.Size(PROBE).numel()).reshape(PROBE)
        expected = TorchBackend(net)(probe)
        if not bool(torch.isfinite(expected).all()):
            return 0.0  # `upscaler.enlarge` reports such weights
        made = self(probe)
        if made.shape != expected.shape:
            raise ValueError(f"{tuple(made.shape)} instead of {tuple(expected.shape)}")
        return float((made - expected).abs().max() / expected.abs().max().clamp(min=1e-6))


def backend_for(net: nn.Module, settings: Upscaling) -> Backend:
    """Return what runs a network by `settings.backend` and `settings.precision`.

    Args:
        net: A float32 network in evaluation mode on its device; its dtype and memory layout may be
            changed in place.
        settings: `auto` is OpenVINO on a CPU where it is installed and can run the network, else
            torch.

    Raises:
        UnavailableError: fp16 on a CPU, a precision that the network does not support, or `backend:
            openvino` where OpenVINO is not installed, a
            GPU is in use, or the network cannot be converted.
    """
    import torch

    on_cpu = next(net.parameters()).device.type == "cpu"
    precision, wanted = settings.precision, settings.backend
    if precision == "fp16" and on_cpu:
        raise UnavailableError(
            "super_resolution.upscaling.precision: fp16 needs a GPU; use bf16 or fp32"
        )
    if wanted == "openvino" or (wanted == "auto" and on_cpu):
        try:
            _check_usable(on_cpu)
            _check_convertible(net)
            return OpenVinoBackend(net, precision)
        except UnavailableError as reason:
            if wanted == "openvino":
                raise
            _log.info("upscaling runs on torch: %s", reason)
    dtype = dtype_for(precision, "cpu" if on_cpu else "cuda")
    other = _of_spandrel(net)
    if other is not None:
        if not other.supports(dtype):
            formats = "bf16 or fp32" if other.supports(torch.bfloat16) else "fp32"
            raise UnavailableError(
                f"the ×4 network is {other}, which cannot be run in {precision}: set"
                f" super_resolution.upscaling.precision to {formats}"
            )
        return TorchBackend(net.to(dtype))
    # torch's annotations of `to` lack memory_format without a tensor.
    laid_out: nn.Module = net.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchBackend(laid_out)


def _of_spandrel(net: nn.Module) -> SpandrelNetwork | None:
    # Its module, which takes seconds to import, has been imported if there is one.
    module = sys.modules.get("deepart_assets.super_resolution.weights.spandrel_network")
    return net if module is not None and isinstance(net, module.SpandrelNetwork) else None


def _check_convertible(net: nn.Module) -> None:
    """Refuse what is traced with a fixed size or cut into windows."""
    other = _of_spandrel(net)
    if other is not None and not (other.takes_any_size and other.tiles):
        raise UnavailableError(
            f"OpenVINO runs no {other}: set super_resolution.upscaling.backend to torch"
        )


def _check_usable(on_cpu: bool) -> None:
    if not on_cpu:
        raise UnavailableError(
            "super_resolution.upscaling.backend: openvino runs on a CPU, and the network is on a"
            " GPU; use auto or torch"
        )
    if find_spec("openvino") is None:
        raise UnavailableError(
            "OpenVINO, which is faster on a CPU, is not installed:"
            ' pip install "deepart_assets[openvino]"'
        )


def _compiler(net: nn.Module, precision: Precision) -> Callable[[], Any]:
    """Convert a network, and return what compiles it."""
    import torch

    # OpenVINO reports each import and conversion to its makers and keeps an identifier in the
    # user's home, unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    example = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch deprecates tracing; OpenVINO still converts by it
        traced = torch.jit.trace(net, example, check_trace=False)
        model = openvino.convert_model(traced, input=openvino.PartialShape([-1, 3, -1, -1]))
    options = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "PERFORMANCE_HINT": "LATENCY",  # one stream: all threads work on one tile
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    return partial(openvino.Core().compile_model, model, "CPU", options)
