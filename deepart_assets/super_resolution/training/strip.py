"""One crop of a validation painting at several iterations, side by side.

Belongs here: keeping and setting these pictures. Does not belong here: making them (`validation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import contact_sheet

SHOWN = 6
"""Iterations shown, evenly spread from before the first to the last."""


class Strip:
    """What a training made of one crop, validation by validation."""

    def __init__(self) -> None:
        self._pictures: dict[int, NDArray[np.uint8]] = {}

    def add(self, iteration: int, picture: NDArray[np.uint8] | None) -> None:
        """Keep a picture (uint8, H×W×3); None, where nothing is validated, is ignored."""
        if picture is not None:
            self._pictures[iteration] = picture

    def sheet(
        self, crop: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None, chosen: int
    ) -> NDArray[np.uint8] | None:
        """Set LR, some of the iterations and HR into one captioned row.

        Args:
            crop: LR (uint8, h×w×3) and HR (uint8, 4h×4w×3) of what was kept.
            chosen: The iteration whose weights the training returns; it is among those shown.

        Returns:
            uint8, H×W×3; None where nothing was validated.
        """
        if crop is None or not self._pictures:
            return None
        lr, hr = crop
        scale = hr.shape[0] // lr.shape[0]
        cells = [("low resolution", lr.repeat(scale, axis=0).repeat(scale, axis=1))]
        iterations = sorted(self._pictures)
        even = np.linspace(0, len(iterations) - 1, min(SHOWN, len(iterations))).round().astype(int)
        for iteration in sorted({*(iterations[i] for i in even), chosen} & set(iterations)):
            name = "before" if iteration == 0 else str(iteration)
            mark = " (chosen)" if iteration == chosen else ""
            cells.append((name + mark, self._pictures[iteration]))
        cells.append(("original", hr))
        return contact_sheet(cells, "validation by iteration", height=hr.shape[0])

    def state(self) -> dict[int, Any]:
        """Return what a checkpoint has to keep."""
        import torch

        return {iteration: torch.from_numpy(each) for iteration, each in self._pictures.items()}

    def restore(self, state: Mapping[int, Any]) -> None:
        """Go on from what `state` returned."""
        self._pictures = {iteration: each.numpy() for iteration, each in state.items()}
