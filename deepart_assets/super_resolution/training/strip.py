"""One validation crop at several iterations, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import contact_sheet

SHOWN = 6
"""Iterations shown, evenly spread from before the first to the last."""


class Strip:
    """The outputs of a training for one crop, by iteration."""

    def __init__(self) -> None:
        self._pictures: dict[int, NDArray[np.uint8]] = {}

    def add(self, iteration: int, picture: NDArray[np.uint8] | None) -> None:
        """Keep a picture (uint8, H×W×3); None, without validation pairs, is ignored."""
        if picture is not None:
            self._pictures[iteration] = picture

    def sheet(
        self, crop: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None, chosen: int
    ) -> NDArray[np.uint8] | None:
        """Draw LR, some of the iterations and HR in one captioned row.

        Args:
            crop: LR (uint8, h×w×3) and HR (uint8, 4h×4w×3) of the crop.
            chosen: The iteration whose weights the training returns; always shown.

        Returns:
            uint8, H×W×3; None if nothing was validated.
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
        """Return the state for a checkpoint."""
        import torch

        return {iteration: torch.from_numpy(each) for iteration, each in self._pictures.items()}

    def restore(self, state: Mapping[int, Any]) -> None:
        """Restore what `state` returned."""
        self._pictures = {iteration: each.numpy() for iteration, each in state.items()}
