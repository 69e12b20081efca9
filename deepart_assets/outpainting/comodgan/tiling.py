"""Divides a painting into tiles of the network's side, from the subject outwards.

As the published inference does (affromero/NTIRE22_Inpainting, track 1): tiles of the network's side
every half a side, each seeing what those before it painted. Theirs begins in the picture's middle,
ours at the subject, so that no tile is without anything known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLACK = 16
"""The first tile may lie this part of its side off the subject, where that saves tiles."""


@dataclass(frozen=True)
class Tile:
    """A square of the picture; `row` and `column` are its upper left corner, in pixels."""

    row: int
    column: int
    side: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns."""
        rows = slice(self.row, self.row + self.side)
        return rows, slice(self.column, self.column + self.side)

    def inner(self, margin: int, height: int, width: int) -> tuple[slice, slice]:
        """Return rows and columns without a margin where the tile does not end with the picture.

        Every pixel of a picture is inner to a tile of `waves`, if the margin is less than a quarter
        of the side: tiles lie half a side apart.
        """
        end = (self.row + self.side, self.column + self.side)
        first = (self.row + margin * (self.row > 0), self.column + margin * (self.column > 0))
        last = (end[0] - margin * (end[0] < height), end[1] - margin * (end[1] < width))
        return slice(first[0], last[0]), slice(first[1], last[1])

    def overlaps(self, other: Tile) -> bool:
        """Tell whether the two have pixels in common."""
        return abs(self.row - other.row) < self.side and abs(self.column - other.column) < self.side


def waves(known: NDArray[np.bool_], side: int) -> list[list[Tile]]:
    """Return the tiles in groups: each after what it overlaps, those of a group independent.

    Args:
        known: bool, H×W with both sides at least `side`, True somewhere.
        side: Side of a tile in pixels.

    Returns:
        Groups whose tiles overlap none of the same group. Every unknown pixel is in one of them;
        tiles without an unknown pixel are left out.
    """
    centre = _centre(known)
    rows, columns = (
        _offsets(middle, length, side) for middle, length in zip(centre, known.shape, strict=True)
    )
    # From the middle outwards, ring by ring; what touches by an edge before what by a corner.
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
    """Return the known pixel that is nearest to the middle of all known ones."""
    places = np.argwhere(known)
    distance = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
    row, column = places[int(distance.argmin())]
    return int(row), int(column)


def _offsets(middle: int, length: int, side: int) -> dict[int, int]:
    """Return where tiles begin along an axis, by number: 0 is around `middle`, -1 before it."""
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
    """Return where the first tile begins: near to where it is wanted, and so that few are needed.

    Else a subject that is off the middle by a pixel would need a tile more for a strip of a pixel.
    """
    most = side // SLACK

    def price(first: int) -> tuple[int, int]:
        return -(-first // (side // 2)) - (first - last) // (side // 2), abs(first - wanted)

    return min(range(max(0, wanted - most), min(last, wanted + most) + 1), key=price)
