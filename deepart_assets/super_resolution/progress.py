"""What goes along with a training: progress, the curve, validation, the moving average.

Belongs here: everything about a training that does not change the weights being trained. Does not
belong here: the loops and their losses (`training`).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.degradation import SCALE, matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation import psnr_y
from deepart_assets.super_resolution.pairs import Pair, of_split
from deepart_assets.super_resolution.upscaling import enlarge
from deepart_assets.super_resolution.weights import to_bytes

if TYPE_CHECKING:
    import torch
    from torch import nn

Report = Callable[[int, int, Mapping[str, float], float | None], None]
"""Called with the iteration (from 1), the number of iterations, the mean losses since the last call
and the seconds left (None where unknown)."""

VALIDATION_PAINTINGS = 4
VALIDATION_SIDE = 64
"""Validated now and then are the middles of the first few validation paintings, in LR pixels: it
has to be cheap beside a training of minutes."""

_ONE_TILE = Upscaling(tile=VALIDATION_SIDE, overlap=16)


@dataclass(frozen=True)
class Trained:
    """What a training gives."""

    weights: bytes
    """A safetensors file (`weights.to_bytes`) of the moving average of the weights."""
    curve: list[dict[str, float | None]]
    """Rows with `iteration`, the mean losses since the row before, and `psnr_y` now and then."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What to record: iterations, parameters, device, seconds, validation PSNR and bicubic's."""


class MovingAverage:
    """An exponential moving average of a network's weights, which is what a training returns.

    It remembers the last 2 % of the iterations, and no more than 1000 (basicsr's 0.999).
    """

    def __init__(self, net: nn.Module, iterations: int) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._decay = 1 - 1 / min(1000, max(1, 0.02 * iterations))

    def update(self, net: nn.Module) -> None:
        """Move towards the weights of `net` by one iteration's share."""
        import torch

        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.net.parameters()), list(net.parameters()), 1 - self._decay
            )


class Progress:
    """Reports, collects the curve, validates, and stops a training that diverges."""

    REPORTS, VALIDATIONS = 100, 10

    def __init__(self, pairs: Sequence[Pair], total: int, net: nn.Module, report: Report) -> None:
        self._total, self._net, self._report = total, net, report
        self._crops = [_middle(pair) for pair in of_split(pairs, "valid")[:VALIDATION_PAINTINGS]]
        self._sums: dict[str, torch.Tensor] = {}
        self._since = 0
        self._rows: list[dict[str, float | None]] = []
        bicubic = self._mean_psnr(matlab_bicubic_enlarge)
        self._figures = {"valid_psnr_y_bicubic": bicubic, "valid_psnr_y_before": self._validate()}
        self._start = time.perf_counter()

    def step(self, iteration: int, losses: Mapping[str, torch.Tensor]) -> None:
        """Note the losses of an iteration (from 1); report and validate where it is time.

        Raises:
            UnavailableError: A loss is not finite any more.
        """
        # Sums stay on the device: reading a number there would make the CPU wait every time.
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._since += 1
        validates = self._due(iteration, self.VALIDATIONS)
        if not (validates or self._due(iteration, self.REPORTS)):
            return
        means = {name: float(value) / self._since for name, value in self._sums.items()}
        if not all(math.isfinite(value) for value in means.values()):
            raise _diverged(iteration)
        try:
            psnr = self._validate() if validates else None
        except PaintingError as error:  # the loss was finite, but no longer the weights
            raise _diverged(iteration) from error
        self._rows.append({"iteration": iteration, **means, "psnr_y": psnr})
        self._sums, self._since = {}, 0
        left = (time.perf_counter() - self._start) / iteration * (self._total - iteration)
        self._report(iteration, self._total, means, left)

    def finish(self, net: nn.Module, provenance: Mapping[str, str]) -> Trained:
        """Return the weights of `net` with the curve and the figures.

        Raises:
            UnavailableError: A weight is not finite.
        """
        import torch

        state = net.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in state.values()):
            raise _diverged(self._total)
        figures = {
            **self._figures,
            "valid_psnr_y": self._rows[-1]["psnr_y"],
            "iterations": self._total,
            "parameters": sum(value.numel() for value in state.values()),
            "device": next(net.parameters()).device.type,
            "seconds": round(time.perf_counter() - self._start, 1),
        }
        return Trained(to_bytes(state, provenance), self._rows, figures)

    def _due(self, iteration: int, times: int) -> bool:
        """Tell whether this is one of about `times` evenly spread iterations, or the last."""
        return iteration == self._total or iteration % math.ceil(self._total / times) == 0

    def _validate(self) -> float | None:
        return self._mean_psnr(lambda lr: enlarge(self._net, lr, _ONE_TILE))

    def _mean_psnr(self, upscale: Callable[[Any], Any]) -> float | None:
        found = [psnr_y(upscale(lr), hr) for lr, hr in self._crops]
        return float(np.mean(found)) if found else None


def _middle(pair: Pair) -> tuple[Any, Any]:
    height, width = pair.lr.shape[:2]
    side = min(VALIDATION_SIDE, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    large = tuple(slice(span.start * SCALE, span.stop * SCALE) for span in (rows, columns))
    return pair.lr[rows, columns], pair.hr[large]


def _diverged(iteration: int) -> UnavailableError:
    return UnavailableError(
        f"the training diverged before iteration {iteration} (its loss or weights are not finite):"
        " lower super_resolution's learning_rate"
    )
