"""The progress of a super-resolution training: its reports, its curve and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.progress import duration
from deepart_assets.super_resolution.training.validation import Score
from deepart_assets.training_curve import TrainingCurve


@dataclass(frozen=True)
class Step:
    """One report of a training."""

    iteration: int
    """From 1."""
    total: int
    losses: Mapping[str, float]
    """Means since the previous report."""
    rate: float
    """Iterations per second in this process."""
    seconds_left: float
    score: Score | None = None
    """Set if this iteration was validated."""

    @property
    def line(self) -> str:
        """The report as one line of a log."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in self.losses.items())
        if self.score is not None and self.score.psnr_y is not None:
            shown += f", PSNR-Y {self.score.psnr_y:.2f} dB"
        if self.score is not None and self.score.niqe is not None:
            shown += f", NIQE {self.score.niqe:.2f}"
        return (
            f"{self.iteration}/{self.total}: {shown}; {self.rate:.3g} it/s,"
            f" about {duration(self.seconds_left)} left"
        )


Report = Callable[[Step], None]
"""Called about 100 times, evenly spread, and after each validation."""


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    weights: bytes
    """A safetensors file (`weights.to_bytes`)."""
    curve: list[dict[str, float | None]]
    """Rows with `iteration`, the mean losses since the previous row and, after a validation,
    `psnr_y` (and `niqe` in the adversarial stage)."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What to record: iterations, parameters, device, seconds, validation scores, the choice."""
    strip: NDArray[np.uint8] | None = None
    """One validation crop at several iterations, side by side: uint8, H×W×3."""


class Progress(TrainingCurve):
    """A curve whose rows are reported to a callback."""

    def __init__(self, total: int, report: Report) -> None:
        super().__init__(total)
        self._callback = report

    def report(
        self, iteration: int, means: dict[str, float], score: Score | None, *, perceptual: bool
    ) -> None:
        """Add a row to the curve and report it to the callback."""
        row: dict[str, float | None] = {"iteration": iteration, **means}
        row["psnr_y"] = score.psnr_y if score else None
        if perceptual:
            row["niqe"] = score.niqe if score else None
        self.rows.append(row)
        self.forget()
        rate = self.rate(iteration)
        left = (self._total - iteration) / rate
        self._callback(Step(iteration, self._total, means, rate, left, score))
