"""Which parts of a picture a network has to enlarge, where not all of the result is used."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepart_assets.super_resolution.data.degradation import SCALE

Part = tuple[slice, slice]
"""Rows and columns of a picture."""

CELL = 32
"""Side of the squares that parts are made of, in pixels."""

MOST_CELLS = 32
"""Along a side; squares are larger where a picture is."""

START = 1000
"""What a part costs beside its pixels, in pixels."""

BORDER = 4
"""Mirrored pixels that a network sees around a picture, at most. Without them convolutions see
zeros there, which costs 6 dB in the outermost two pixels; 12 gain 0.02 dB there (16 paintings,
32/6)."""


def enlarged(part: Part) -> Part:
    """Return where a part is in the picture enlarged by 4."""
    rows, columns = (slice(SCALE * span.start, SCALE * span.stop) for span in part)
    return rows, columns


def with_context(
    start: ArrayLike, stop: ArrayLike, length: int, overlap: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the start and end of what a network sees for a part, along one side.

    It is `overlap` pixels longer at each end, but reaches at most `BORDER` out of the picture.

    Args:
        start: First pixel of the part, or of each of several.
        stop: The pixel after its last one.
        length: Of the picture.
        overlap: Context, in pixels.
    """
    edge = min(BORDER, overlap)
    first = np.maximum(np.subtract(start, overlap), -edge)
    return first, np.minimum(np.add(stop, overlap), length + edge)


def cover(wanted: NDArray[np.bool_], tile: int, overlap: int) -> list[Part]:
    """Return the cheapest parts that together cover all that is wanted.

    The cost is the number of pixels that the network sees, with the overlap. The parts are those
    of the best guillotine cuts along a grid: a rectangle is a part, or is cut in two straight
    across, or has nothing that is wanted. The search tries them all, from small to large.

    Args:
        wanted: bool, H×W.
        tile: Longest side of a part, in pixels.
        overlap: Context around a part, in pixels.
    """
    cell = min(tile, max(CELL, max(wanted.shape) // MOST_CELLS))
    rows, columns = (_edges(length, cell) for length in wanted.shape)
    counts = np.add.reduceat(np.add.reduceat(wanted.astype(int), rows[:-1], 0), columns[:-1], 1)
    sums = np.pad(counts.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    height, width = counts.shape
    best: dict[tuple[int, int], NDArray[np.float64]] = {}  # by size in cells, for each place
    cuts: dict[tuple[int, int], NDArray[np.int64]] = {}  # after so many rows, or -columns; 0: none
    for h in range(1, height + 1):
        for w in range(1, width + 1):
            found = sums[h:, w:] - sums[:-h, w:] - sums[h:, :-w] + sums[:-h, :-w]
            high, wide = np.subtract(rows[h:], rows[:-h]), np.subtract(columns[w:], columns[:-w])
            area = np.multiply.outer(_seen(rows, h, overlap), _seen(columns, w, overlap)) + START
            fits = np.logical_and.outer(high <= tile, wide <= tile)
            cost, cut = np.where(fits, area, np.inf), np.zeros(found.shape, np.int64)
            for k in range(1, h):
                two = best[k, w][: height - h + 1] + best[h - k, w][k:]
                cost, cut = np.minimum(cost, two), np.where(two < cost, k, cut)
            for k in range(1, w):
                two = best[h, k][:, : width - w + 1] + best[h, w - k][:, k:]
                cost, cut = np.minimum(cost, two), np.where(two < cost, -k, cut)
            best[h, w], cuts[h, w] = np.where(found > 0, cost, 0), cut
    parts, left = [], [(0, 0, height, width)]
    while left:
        top, start, h, w = left.pop()
        if best[h, w][top, start] == 0:
            continue
        k = int(cuts[h, w][top, start])
        if k > 0:
            left += [(top + k, start, h - k, w), (top, start, k, w)]
        elif k < 0:
            left += [(top, start - k, h, w + k), (top, start, h, -k)]
        else:
            parts.append(
                (slice(rows[top], rows[top + h]), slice(columns[start], columns[start + w]))
            )
    return parts


def fixed_parts(wanted: NDArray[np.bool_], tile: int, overlap: int) -> list[Part]:
    """Return those squares of a grid that have something that is wanted.

    The grid depends on the size of the picture alone: what a network makes of a square does not
    depend on what else is wanted, and can be kept. Arguments as `cover`'s.
    """
    side = min(tile, max(2 * CELL, 16 * overlap))  # a fifth of the pixels are overlap
    rows, columns = (_edges(length, side) for length in wanted.shape)
    grid = [(slice(*r), slice(*c)) for r in pairwise(rows) for c in pairwise(columns)]
    return [part for part in grid if wanted[part].any()]


def _seen(edges: list[int], cells: int, overlap: int) -> NDArray[np.int_]:
    """Return what the network sees along one side, of so many cells from each edge on."""
    first, last = with_context(edges[:-cells], edges[cells:], edges[-1], overlap)
    return last - first


def _edges(length: int, most: int) -> list[int]:
    """Return where cells begin, and where the last one ends: all but the last of one length."""
    side = -(-length // -(-length // most))
    return [*range(0, length, side), length]
