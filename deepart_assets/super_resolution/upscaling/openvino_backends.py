"""How OpenVINO executes a ×4 network on a CPU: for pictures of any size, or of few."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.settings.super_resolution import Precision
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.upscaling.backends import TorchBackend

if TYPE_CHECKING:
    import torch
    from torch import nn

PROBE = (1, 3, 20, 28)
"""Shape of the picture on which OpenVINO's result is compared with torch's. It differs from that of
the traced example in both sides, so that sizes fixed by tracing are found."""

SMALLEST_SIDE = 64
"""A network of one size is compiled for no smaller squares, in pixels: 7 s or more for each."""

TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "bf16": 0.1}
"""Largest difference on the probe, relative to the largest value. Measured: 3e-6 and 0.01."""


class OpenVinoBackend:
    """Runs a network on the CPU by OpenVINO, with as many threads as torch has.

    The network is traced and compiled once, with dynamic shapes: another tile size does not compile
    it again. Nothing is written to disk.
    """

    def __init__(
        self, net: nn.Module, precision: Precision = "fp32", side: int | None = None
    ) -> None:
        """Compile a float32 network in evaluation mode on the CPU, which stays as it is.

        Args:
            net: Maps N×3×H×W to N×3×4H×4W.
            precision: fp32 or bf16. A CPU without bf16 instructions may compute in fp32 instead.
            side: Of the squares that are all it will be given, one at a time; None: any shape.

        Raises:
            UnavailableError: OpenVINO cannot convert the network, or does not reproduce torch's
                result.
        """
        import torch

        self.device = torch.device("cpu")
        self.tiles = True
        self._busy = threading.Lock()  # an inference request serves one thread at a time
        try:
            self._compile = _compiler(net, precision, side)
            self._request: Any = self._compile().create_infer_request()
            difference = self._difference(net, PROBE if side is None else (1, 3, side, side))
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

    def _difference(self, net: nn.Module, shape: tuple[int, ...]) -> float:
        """Return the largest difference to torch on a fixed picture, relative to its maximum."""
        import torch

        probe = torch.linspace(0, 1, torch.Size(shape).numel()).reshape(shape)
        expected = TorchBackend(net)(probe)
        if not bool(torch.isfinite(expected).all()):
            return 0.0  # `upscaler.enlarge` reports such weights
        made = self(probe)
        if made.shape != expected.shape:
            raise ValueError(f"{tuple(made.shape)} instead of {tuple(expected.shape)}")
        return float((made - expected).abs().max() / expected.abs().max().clamp(min=1e-6))


class FixedSizeOpenVinoBackend:
    """Runs a network by OpenVINO whose operations depend on the picture's size.

    Windows of attention are cut, shifted and masked by size, which tracing fixes. So the network is
    compiled for squares of the largest tile with its context, and of half of it and so on once a
    picture is that small; what is smaller than the square is continued by its mirror image, as
    attention sees all of the square.
    """

    def __init__(self, net: nn.Module, precision: Precision, largest: int) -> None:
        """Compile for the largest square.

        Args:
            net: As for `OpenVinoBackend`; stays in use.
            precision: Likewise.
            largest: Longest side of what it will be given, in pixels.

        Raises:
            UnavailableError: As `OpenVinoBackend`.
        """
        import torch

        self.device = torch.device("cpu")
        self.tiles = True
        self._net, self._precision, self._largest = net, precision, largest
        self._backends = {largest: OpenVinoBackend(net, precision, largest)}

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge as `Backend` says, sides at most `largest`.

        Raises:
            UnavailableError: A smaller square cannot be compiled.
        """
        import torch

        height, width = batch.shape[2:]
        side = self._largest
        while 2 * max(height, width) <= side and side // 2 >= SMALLEST_SIDE:
            side //= 2
        if side not in self._backends:
            self._backends[side] = OpenVinoBackend(self._net, self._precision, side)
        beyond = (0, 0), (0, 0), (0, side - height), (0, side - width)
        squares = torch.from_numpy(np.pad(batch.numpy(), beyond, mode="symmetric"))
        made = torch.cat([self._backends[side](square) for square in squares.split(1)])
        return made[:, :, : SCALE * height, : SCALE * width]


def _compiler(net: nn.Module, precision: Precision, side: int | None) -> Callable[[], Any]:
    """Convert a network, and return what compiles it."""
    import torch

    # OpenVINO reports each import and conversion to its makers and keeps an identifier in the
    # user's home, unless this package is missing.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    example = torch.rand(1, 3, side or 16, side or 16, generator=torch.Generator().manual_seed(0))
    shape = openvino.PartialShape([-1, 3, -1, -1] if side is None else [*example.shape])
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch deprecates tracing; OpenVINO still converts by it
        traced = torch.jit.trace(net, example, check_trace=False)
        model = openvino.convert_model(traced, input=shape)
    options = {
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        "PERFORMANCE_HINT": "LATENCY",  # one stream: all threads work on one tile
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    return partial(openvino.Core().compile_model, model, "CPU", options)
