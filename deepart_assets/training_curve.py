"""The curve of a training: mean losses between reports, and the seconds trained."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def silent(step: object) -> None:
    """Ignore a report."""


def panels_of(
    rows: Iterable[Mapping[str, float | None]],
) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """Return a curve for `reports.line_plot`: one panel per figure, over the iterations.

    Args:
        rows: The curve; a figure that is missing or None gives no point.
    """
    points: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "iteration" and value is not None:
                x, y = points.setdefault(name, ([], []))
                x.append(row["iteration"] or 0)
                y.append(value)
    return {name: {name: each} for name, each in points.items()}


class TrainingCurve:
    """Averages the losses between reports and keeps the reported rows."""

    REPORTS = 100

    def __init__(self, total: int) -> None:
        """Start the curve of a training of `total` iterations."""
        self.rows: list[dict[str, float | None]] = []
        """The curve: `iteration` (from 1), mean losses and other figures of each report."""
        self.resumed: list[int] = []
        """The iterations after which the training was resumed."""
        self._total = total
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._seconds, self._done = 0.0, 0
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds trained, including those before a resume."""
        return self._seconds + time.perf_counter() - self._start

    def note(self, losses: Mapping[str, torch.Tensor]) -> None:
        """Add the losses of an iteration: scalars on any device."""
        # Sums stay on the device: reading them would synchronise in every iteration.
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
            self._counts[name] = self._counts.get(name, 0) + 1

    def due(self, iteration: int, times: int = REPORTS) -> bool:
        """Return whether this is one of about `times` evenly spread iterations, or the last."""
        return iteration == self._total or iteration % math.ceil(self._total / times) == 0

    def means(self) -> dict[str, torch.Tensor]:
        """Return the mean losses since the last report, on the device.

        Each is over the iterations that had it; the generator skips some.
        """
        return {name: value / self._counts[name] for name, value in self._sums.items()}

    def forget(self) -> None:
        """Reset the sums."""
        self._sums, self._counts = {}, {}

    def rate(self, iteration: int) -> float:
        """Return the iterations per second of this process up to this one."""
        return (iteration - self._done) / max(time.perf_counter() - self._start, 1e-9)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "rows": self.rows,
            "sums": self._sums,
            "counts": self._counts,
            "seconds": self.seconds,
            "resumed": self.resumed,
        }

    def restore(self, state: Mapping[str, Any], iteration: int, device: torch.device) -> None:
        """Restore what `state` returned after `iteration`."""
        self.rows, self._counts = list(state["rows"]), dict(state["counts"])
        self._sums = {name: value.to(device) for name, value in state["sums"].items()}
        self._seconds, self._done = state["seconds"], iteration
        self._start = time.perf_counter()
        self.resumed = [*state["resumed"], iteration]
