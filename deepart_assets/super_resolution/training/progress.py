"""How far a training is: the curve, the reports, the time left.

Belongs here: what is told and drawn of a training. Does not belong here: the loop (`loop`), scores
(`validation`), where reports are shown (`tensorboard`, the assets).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.training.validation import Score

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Step:
    """One report of a training."""

    iteration: int
    """From 1."""
    total: int
    losses: Mapping[str, float]
    """Means since the report before."""
    rate: float
    """Iterations a second in this process."""
    seconds_left: float
    score: Score | None = None
    """Where this iteration was validated."""

    @property
    def line(self) -> str:
        """The report in one line, for a log."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        if self.score is not None and self.score.psnr_y is not None:
            shown += f", PSNR-Y {self.score.psnr_y:.2f} dB"
        if self.score is not None and self.score.niqe is not None:
            shown += f", NIQE {self.score.niqe:.2f}"
        return (
            f"{self.iteration}/{self.total}: {shown}; {self.rate:.3g} it/s,"
            f" about {_duration(self.seconds_left)} left"
        )


Report = Callable[[Step], None]
"""Called a hundred times, evenly spread, and wherever the training is validated."""


def silent(step: Step) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Trained:
    """What a training gives."""

    weights: bytes
    """A safetensors file (`weights.to_bytes`)."""
    curve: list[dict[str, float | None]]
    """Rows with `iteration`, the mean losses since the row before, and where it was validated
    `psnr_y` (and `niqe`, where it counts)."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What to record: iterations, parameters, device, seconds, validation scores, the choice."""
    strip: NDArray[np.uint8] | None = None
    """One validation crop at several iterations, side by side: uint8, H×W×3."""


class Progress:
    """Collects the losses of every iteration, and tells of them now and then."""

    REPORTS = 100

    def __init__(self, total: int, report: Report) -> None:
        self.rows: list[dict[str, float | None]] = []
        self.resumed: list[int] = []
        self._total, self._report = total, report
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._seconds, self._done = 0.0, 0
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds trained, over all processes that took part."""
        return self._seconds + time.perf_counter() - self._start

    def note(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Take note of the losses of an iteration."""
        # Sums stay on the device: reading a number there would make the CPU wait every time.
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def due(self, iteration: int, times: int = REPORTS) -> bool:
        """Tell whether this is one of about `times` evenly spread iterations, or the last."""
        return iteration == self._total or iteration % math.ceil(self._total / times) == 0

    def means(self) -> dict[str, torch.Tensor]:
        """Return the mean losses since the last report, on the device.

        Each over the iterations that had it: a generator that rests has none.
        """
        return {name: value / self._counts[name] for name, value in self._sums.items()}

    def forget(self) -> None:
        """Begin new sums."""
        self._sums, self._counts = {}, {}

    def tell(
        self, iteration: int, means: dict[str, float], score: Score | None, *, perceptual: bool
    ) -> None:
        """Add a row to the curve and report it."""
        row: dict[str, float | None] = {"iteration": iteration, **means}
        row["psnr_y"] = score.psnr_y if score else None
        if perceptual:
            row["niqe"] = score.niqe if score else None
        self.rows.append(row)
        self.forget()
        rate = (iteration - self._done) / max(time.perf_counter() - self._start, 1e-9)
        left = (self._total - iteration) / rate
        self._report(Step(iteration, self._total, means, rate, left, score))

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {
            "rows": self.rows,
            "sums": self._sums,
            "counts": self._counts,
            "seconds": self.seconds,
            "resumed": self.resumed,
        }

    def restore(self, state: Mapping[str, Any], iteration: int, device: torch.device) -> None:
        """Go on from what `state` returned after `iteration`."""
        self.rows, self._counts = list(state["rows"]), dict(state["counts"])
        self._sums = {name: value.to(device) for name, value in state["sums"].items()}
        self._seconds, self._done = state["seconds"], iteration
        self._start = time.perf_counter()
        self.resumed = [*state["resumed"], iteration]


def _duration(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
