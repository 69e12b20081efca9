"""The progress of a training: its curve and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deepart_assets.training_curve import TrainingCurve


@dataclass(frozen=True)
class Step:
    """A progress report."""

    iteration: int
    """From 1, over all stages."""
    total: int
    resolution: int
    losses: Mapping[str, float]
    """Means since the previous report."""
    rate: float
    """Iterations per second in this process."""

    @property
    def line(self) -> str:
        """The report in one line, for a log."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        where = f"{self.iteration}/{self.total} at {self.resolution} pixels"
        return f"{where}: {shown}; {self.rate:.3g} it/s"


Report = Callable[[Step], None]
"""Called about a hundred times, evenly spaced."""


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    weights: bytes = field(repr=False)
    """A safetensors file of the generator's moving average (`weights.to_bytes`)."""
    curve: list[dict[str, float | None]]
    """Rows with `iteration`, `resolution` and the mean losses since the previous row."""
    figures: dict[str, Any]
    """Figures to record: iterations, parameters, device, seconds."""


class Progress(TrainingCurve):
    """Collects the losses of every iteration, and reports them regularly."""

    def __init__(self, total: int, report: Report) -> None:
        super().__init__(total)
        self._report = report

    def report(self, iteration: int, resolution: int, means: dict[str, float]) -> None:
        """Add a row to the curve and report it."""
        self.rows.append({"iteration": iteration, "resolution": resolution, **means})
        self.forget()
        self._report(Step(iteration, self._total, resolution, means, self.rate(iteration)))
