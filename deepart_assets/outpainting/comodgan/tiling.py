"""Divides a painting into tiles of the network's side, from the subject outwards.

As in the published inference (affromero/NTIRE22_Inpainting, track 1), tiles are half a side apart,
and each sees what earlier ones painted. The published order begins in the middle of the picture;
here it begins at the subject, so that every tile contains known pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLACK = 16
"""The first tile may be shifted by side / SLACK, where that saves tiles."""


@dataclass(frozen=True)
class Tile:
    """A square of the picture; `row` and `column` are its top left corner in pixels."""

    row: int
    column: int
    side: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns as slices."""
        rows = slice(self.row, self.row + self.side)
        return rows, slice(self.column, self.column + self.side)

    def overlaps(self, other: Tile) -> bool:
        """Return whether two tiles have pixels in common."""
        return abs(self.row - other.row) < self.side and abs(self.column - other.column) < self.side


def waves(known: NDArray[np.bool_], side: int) -> list[list[Tile]]:
    """Return the tiles in groups that are painted one after the other.

    Args:
        known: bool, H×W with both sides at least `side`, True somewhere.
        side: Side of a tile in pixels.

    Returns:
        Groups of tiles that do not overlap. The tiles cover every unknown pixel; a tile without
        unknown pixels is left out.
    """
    centre = _centre(known)
    rows, columns = (
        _offsets(middle, length, side) for middle, length in zip(centre, known.shape, strict=True)
    )
    # From the centre outwards, ring by ring; neighbours by an edge before those by a corner.
    order = sorted(
        (max(abs(i), abs(j)), abs(i) + abs(j), row, column)
        for i, row in rows.items()
        for j, column in columns.items()
    )
    groups: list[list[Tile]] = []
    for _, _, row, column in order:
        tile = Tile(row, column, side)
        if known[tile.window].all():
            continue
        after = [number for number, group in enumerate(groups) if any(map(tile.overlaps, group))]
        place = after[-1] + 1 if after else 0
        if place == len(groups):
            groups.append([])
        groups[place].append(tile)
    return groups


def _centre(known: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the known pixel that is nearest to the centroid of the known ones."""
    places = np.argwhere(known)
    distance = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
    row, column = places[int(distance.argmin())]
    return int(row), int(column)


def _offsets(middle: int, length: int, side: int) -> dict[int, int]:
    """Return where tiles begin along an axis, by index: 0 is around `middle`, -1 before it."""
    last = length - side
    first = _first(min(max(middle - side // 2, 0), last), last, side)
    found = {0: first}
    for step in (-1, 1):
        number, offset = 0, first
        while offset > 0 if step < 0 else offset < last:
            number, offset = number + step, min(max(offset + step * (side // 2), 0), last)
            found[number] = offset
    return found


def _first(wanted: int, last: int, side: int) -> int:
    """Return where the first tile begins: near `wanted`, and such that few tiles are needed.

    Otherwise a subject that is off centre by one pixel would need another tile for a strip of one
    pixel.
    """
    most = side // SLACK

    def price(first: int) -> tuple[int, int]:
        return -(-first // (side // 2)) - (first - last) // (side // 2), abs(first - wanted)

    return min(range(max(0, wanted - most), min(last, wanted + most) + 1), key=price)
