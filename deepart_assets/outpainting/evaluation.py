"""A table and a sheet of pictures that compare several outpainters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import grouped_mosaic, over_checkerboard
from deepart_assets.outpainting.compose import subject_difference
from deepart_assets.outpainting.distance import KernelDistance, kernel_distance, spread
from deepart_assets.outpainting.seam import seam_score

ORIGINALS = "the originals"
CELL = 260
"""Side of a picture on the sheet, in pixels."""


@dataclass(frozen=True)
class Outpainted:
    """A painting and its outpaintings, all at the working size."""

    caption: str
    original: NDArray[np.uint8]
    """uint8, H×W×3."""
    unfinished: NDArray[np.uint8]
    """uint8, H×W×4."""
    results: Mapping[str, NDArray[np.uint8]]
    """By outpainter, uint8, H×W×3; failed ones are missing."""
    seconds: Mapping[str, float]

    def hole_difference(self, result: NDArray[np.uint8]) -> float | None:
        """Return the mean absolute difference to the original in the hole, in grey levels."""
        hole = self.unfinished[..., 3] != 255
        if not hole.any():
            return None
        return float(np.abs(result[hole].astype(np.int16) - self.original[hole]).mean())


def table(
    paintings: Sequence[Outpainted], names: Sequence[str], niqe: Mapping[str, Sequence[float]]
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a row for the originals and one for each outpainter.

    The kernel distance is to the originals of all paintings. For the originals it is the distance
    between two halves of them: the value that perfect results would have with so few paintings. The
    difference to the original measures how much was invented, not how well.

    Args:
        paintings: The paintings with their results.
        names: The outpainters.
        niqe: NIQE values by outpainter, and of the originals under `ORIGINALS`.

    Returns:
        The rows, and why there is no kernel distance, or None.
    """
    pictures = {ORIGINALS: [each.original for each in paintings]} | {
        name: [each.results[name] for each in paintings if name in each.results] for name in names
    }
    distances, reason = _distances(pictures)
    rows = []
    for name, found in pictures.items():
        made = [(each, each.results[name]) for each in paintings if name in each.results]
        real = name == ORIGINALS
        shown = [(each, each.original) for each in paintings] if real else made
        rows.append(
            {
                "name": name,
                "paintings": len(found),
                "subject_difference": max(
                    (subject_difference(each.unfinished, result) for each, result in shown),
                    default=0,
                ),
                "seam_score": _mean([seam_score(e.unfinished, r) for e, r in shown]),
                "kernel_distance": distances.get(name, (None, None))[0],
                "kernel_distance_spread": distances.get(name, (None, None))[1],
                "niqe": _mean(niqe.get(name, [])),
                "hole_difference": _mean([e.hole_difference(r) for e, r in shown]),
                "seconds": _mean([each.seconds.get(name) for each, _ in made]),
            }
        )
    return rows, reason


def sheet(paintings: Sequence[Outpainted], names: Sequence[str]) -> NDArray[np.uint8]:
    """Return a sheet (uint8, H×W×3), a row a painting: original, unfinished, outpaintings."""
    groups = []
    for each in paintings:
        cells = [("original", each.original), ("unfinished", over_checkerboard(each.unfinished))]
        cells += [(name, each.results[name]) for name in names if name in each.results]
        groups.append((each.caption, cells))
    return grouped_mosaic(groups, CELL)


def _distances(
    pictures: Mapping[str, Sequence[NDArray[np.uint8]]],
) -> tuple[dict[str, tuple[float, float]], str | None]:
    """Return each set's distance to the originals and its spread."""
    if len(pictures[ORIGINALS]) < 4:
        return {}, "a kernel distance takes at least four paintings"
    network = KernelDistance()
    try:
        features = {n: network.features(found) for n, found in pictures.items() if len(found) > 1}
    except UnavailableError as reason:
        return {}, str(reason)
    real = features[ORIGINALS]
    half = len(pictures[ORIGINALS]) // 2 * (len(real) // len(pictures[ORIGINALS]))
    distances = {}
    for name, seen in features.items():
        ours, theirs = (real[:half], real[half:]) if name == ORIGINALS else (seen, real)
        groups = np.arange(len(ours)) // (len(real) // len(pictures[ORIGINALS]))
        distances[name] = (
            round(kernel_distance(ours, theirs), 4),
            round(spread(ours, theirs, groups.tolist()), 4),
        )
    return distances, None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 3) if known else None
