"""Masks that an eye corrected or accepted, as polygons: the paintings themselves are not shipped.

`masks.csv` names paintings as `labels.csv` does, which says on which side of the split each stands.
Its columns:

* `made`: `prediction` (the bundled segmenter's mask was accepted), `teacher` (the teacher's was),
  `both` (their union), `drawn` (polygons were added to one of these, or taken away), or `empty`
  (a view without a subject).
* `polygons`: outlines as `x,y x,y x,y;x,y ...` in thousandths of the width and of the height. What
  lies inside an odd number of them is subject.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MASKS = Path(__file__).with_name("masks.csv")
UNIT = 1000

Polygon = tuple[tuple[int, int], ...]


class Outlined(NamedTuple):
    """A painting's mask."""

    made: str
    polygons: tuple[Polygon, ...]

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """Return the mask at a size: bool, H×W, True = subject."""
        import cv2

        filled = np.zeros((height, width), np.uint8)
        scale = np.array([width - 1, height - 1]) / UNIT
        outlines = [np.round(np.array(each) * scale).astype(np.int32) for each in self.polygons]
        if outlines:
            cv2.fillPoly(filled, outlines, 1)
        return filled > 0


def read_outlined(file: Path = MASKS) -> dict[str, Outlined]:
    """Read the table, by the paintings' names."""
    with file.open(newline="") as lines:
        return {
            row["painting"]: Outlined(row["made"], _polygons(row["polygons"]))
            for row in csv.DictReader(lines)
        }


def _polygons(text: str) -> tuple[Polygon, ...]:
    def point(pair: str) -> tuple[int, int]:
        x, y = pair.split(",")
        return int(x), int(y)

    parts = text.split(";") if text else []
    return tuple(tuple(point(pair) for pair in part.split()) for part in parts)
