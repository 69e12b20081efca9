"""How far a training is: the curve and the reports.

Belongs here: what is told of a training. Does not belong here: the loop (`loop`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Step:
    """One report of a training."""

    iteration: int
    """From 1, over all stages."""
    total: int
    resolution: int
    losses: Mapping[str, float]
    """Means since the report before."""
    rate: float
    """Iterations a second in this process."""

    @property
    def line(self) -> str:
        """The report in one line, for a log."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        where = f"{self.iteration}/{self.total} at {self.resolution} pixels"
        return f"{where}: {shown}; {self.rate:.3g} it/s"


Report = Callable[[Step], None]
"""Called about a hundred times, evenly spread."""


def silent(step: Step) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Trained:
    """What a training gives."""

    weights: bytes = field(repr=False)
    """A safetensors file of the generator's average (`weights.to_bytes`)."""
    curve: list[dict[str, float]]
    """Rows with `iteration`, `resolution` and the mean losses since the row before."""
    figures: dict[str, Any]
    """What to record: iterations, parameters, device, seconds."""


class Progress:
    """Collects the losses of every iteration, and tells of them now and then."""

    REPORTS = 100

    def __init__(self, total: int, report: Report) -> None:
        self.rows: list[dict[str, float]] = []
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
            self._sums[name] = self._sums.get(name, 0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def due(self, iteration: int) -> bool:
        """Tell whether an iteration is to be reported."""
        return iteration == self._total or iteration % math.ceil(self._total / self.REPORTS) == 0

    def means(self) -> dict[str, float]:
        """Return the mean of each loss over the iterations that had it, and begin new sums."""
        means = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        self._sums, self._counts = {}, {}
        return means

    def tell(self, iteration: int, resolution: int, means: dict[str, float]) -> None:
        """Add a row to the curve and report it."""
        self.rows.append({"iteration": iteration, "resolution": resolution, **means})
        rate = (iteration - self._done) / max(time.perf_counter() - self._start, 1e-9)
        self._report(Step(iteration, self._total, resolution, means, rate))

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
