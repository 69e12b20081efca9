"""A table and a sheet of pictures that compare several outpainters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import grouped_mosaic, over_checkerboard
from deepart_assets.outpainting.compose import subject_difference
from deepart_assets.outpainting.measures import MEASURES

ORIGINALS = "the originals"
CELL = 260
"""Side of a picture on the sheet, in pixels."""
COLUMNS = (
    {"column": "subject_difference", "better": "0", "meaning": "largest change, in grey levels"},
    *({"column": m.name, "better": m.better, "meaning": m.meaning} for m in MEASURES),
)
"""What the columns of the table mean, and which values are better."""


@dataclass(frozen=True)
class Outpainted:
    """A painting and its outpaintings, all at the working size."""

    id: str
    caption: str
    original: NDArray[np.uint8]
    """uint8, H×W×3."""
    unfinished: NDArray[np.uint8]
    """uint8, H×W×4."""
    results: Mapping[str, NDArray[np.uint8]]
    """By outpainter, uint8, H×W×3; failed ones are missing."""
    seconds: Mapping[str, float]


Pixels = NDArray[np.uint8]


def measured(unfinished: Pixels, result: Pixels) -> dict[str, Any]:
    """Return the values of `COLUMNS` for one result, uint8, H×W×3."""
    return {
        "subject_difference": subject_difference(unfinished, result),
        **{measure.name: measure.of(unfinished, result) for measure in MEASURES},
    }


def table(
    paintings: Sequence[Outpainted],
    names: Sequence[str],
    measure: Callable[[Pixels, Pixels], Mapping[str, Any]] = measured,
) -> list[dict[str, Any]]:
    """Return a row for the originals, which all values are compared with, and one an outpainter.

    Args:
        paintings: The paintings with their results.
        names: The outpainters.
        measure: `measured`, or what remembers its values.

    Returns:
        Means over the paintings; None where there is nothing to measure. The columns are those of
        `COLUMNS`.
    """
    rows = []
    for name in (ORIGINALS, *names):
        real = name == ORIGINALS
        made = [each for each in paintings if real or name in each.results]
        values = [
            measure(each.unfinished, each.original if real else each.results[name]) for each in made
        ]
        rows.append(
            {
                "name": name,
                "paintings": len(made),
                "subject_difference": max(
                    (each["subject_difference"] for each in values), default=0
                ),
                **{m.name: _mean([each[m.name] for each in values]) for m in MEASURES},
                "seconds": _mean([each.seconds.get(name) for each in made]),
            }
        )
    return rows


def sheet(paintings: Sequence[Outpainted], names: Sequence[str]) -> NDArray[np.uint8]:
    """Return a sheet (uint8, H×W×3), a row a painting: original, unfinished, outpaintings."""
    groups = []
    for each in paintings:
        cells = [("original", each.original), ("unfinished", over_checkerboard(each.unfinished))]
        cells += [(name, each.results[name]) for name in names if name in each.results]
        groups.append((each.caption, cells))
    return grouped_mosaic(groups, CELL)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 3) if known else None
