"""Adds the detail of tiles to a picture that was painted whole at the network's size."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.comodgan.tiling import Tile

OVERLAP = 0.25
"""Least overlap of neighbouring tiles, as a share of the side; they fade into each other there."""
DETAIL = 1 / 16
"""Standard deviation, as a share of the side, of the blur that separates detail from the rest."""
RIM = 1 / 32
"""Width, as a share of the side, of the rim of the subject that the blur leaves out: there the
network continues the subject's colours, over more of the picture the smaller it paints."""

EDGE = 2
"""Width in pixels of the frame that the network paints at the border of its pictures."""
HALO = 10
"""Distance from the subject, in pixels of the network, up to which it continues its colours."""


def grid(known: NDArray[np.bool_], side: int) -> list[Tile]:
    """Return overlapping tiles that cover every unknown pixel of a picture at least `side` wide.

    Args:
        known: bool, H×W with both sides at least `side`.
        side: Side of a tile in pixels.

    Returns:
        The tiles with unknown pixels, evenly spaced.
    """
    rows, columns = (_offsets(length, side) for length in known.shape)
    tiles = [Tile(row, column, side) for row, column in itertools.product(rows, columns)]
    return [tile for tile in tiles if not known[tile.window].all()]


def _offsets(length: int, side: int) -> list[int]:
    steps = -(-(length - side) // int(side * (1 - OVERLAP)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)] if steps else [0]


def refined(
    coarse: NDArray[np.float32],
    known: NDArray[np.bool_],
    tiles: Sequence[Tile],
    painted: Sequence[NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """Return the coarse picture with the detail of the tiles.

    A tile keeps what is finer than the blur `DETAIL`; its low frequencies are the coarse picture's,
    which all tiles share. Where tiles overlap they are averaged, each with a weight that falls to
    zero at its border. So no border of a tile is left to be seen.

    Args:
        coarse: float32, H×W×3, in [0, 255]: the whole picture, enlarged.
        known: bool, H×W, True = subject.
        tiles: Where the tiles lie; together they cover the unknown pixels.
        painted: The tiles' colours, uint8, R×R×3 each.

    Returns:
        uint8, H×W×3; meaningful where unknown.
    """
    import cv2

    side = tiles[0].side
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    free = (away > RIM * side).astype(np.float32)
    total, weights = np.zeros_like(coarse), np.zeros((*known.shape, 1), np.float32)
    for tile, colours in zip(tiles, painted, strict=True):
        valid = free[tile.window]
        error = (coarse[tile.window] - colours) * valid[..., None]
        sigma = DETAIL * side
        share = cv2.GaussianBlur(valid, (0, 0), sigma)[..., None]
        matched = colours + cv2.GaussianBlur(error, (0, 0), sigma) / np.maximum(share, 1e-3)
        weight = _window(tile, *known.shape)
        total[tile.window] += matched * weight
        weights[tile.window] += weight
    mean = np.where(weights > 0, total / np.maximum(weights, 1e-6), coarse)
    return np.round(np.clip(mean, 0, 255)).astype(np.uint8)


def without_rims(painted: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return what the network painted, its outermost pixels mirrored from those inside.

    At its borders, where its convolutions are padded, it paints a frame.

    Args:
        painted: Colours, uint8, R×R×3 each.

    Returns:
        uint8, N×R×R×3.
    """
    inner = np.stack([*painted])[:, EDGE:-EDGE, EDGE:-EDGE]
    return np.pad(inner, ((0, 0), (EDGE, EDGE), (EDGE, EDGE), (0, 0)), mode="reflect")


def without_halo(painted: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a painted picture whose surround has the colours from further out at the subject, too.

    Beside the subject the network continues the subject's colours, as a halo. The detail stays.

    Args:
        painted: uint8, H×W×3, at the network's size.
        known: bool, H×W, True = subject.

    Returns:
        uint8, H×W×3.
    """
    import cv2

    colours = painted.astype(np.float32)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    halo = np.clip(2 - away * (2 / HALO), 0, 1)[..., None].astype(np.float32)
    near, _ = _blurred(colours, ~known, 1)
    further, share = _blurred(colours, away > HALO, HALO / 2)
    moved = colours + (further - near) * halo * (share > 1e-4)
    return np.round(np.clip(moved, 0, 255)).astype(np.uint8)


def _blurred(
    colours: NDArray[np.float32], of: NDArray[np.bool_], sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the blur of some pixels alone, and their share in each place, H×W×1."""
    import cv2

    counted = of.astype(np.float32)[..., None]
    share = cv2.GaussianBlur(counted, (0, 0), sigma)[..., None]
    blurred = cv2.GaussianBlur(colours * counted, (0, 0), sigma) / np.maximum(share, 1e-6)
    return blurred, share


def _window(tile: Tile, height: int, width: int) -> NDArray[np.float32]:
    """Return a tile's weights, R×R×1: 1 in the middle, towards 0 at borders inside the picture."""
    rows, columns = (
        _fade(tile.side, first > 0, first + tile.side < length)
        for first, length in ((tile.row, height), (tile.column, width))
    )
    return np.asarray((rows[:, None] * columns)[..., None], np.float32)


def _fade(side: int, at_start: bool, at_end: bool) -> NDArray[np.float64]:
    width = int(OVERLAP * side)
    ramp = np.sin((np.arange(width) + 0.5) / width * np.pi / 2) ** 2
    weights = np.ones(side)
    if at_start:
        weights[:width] = ramp
    if at_end:
        weights[side - width :] = ramp[::-1]
    return weights
