"""Parts of a painting for the evaluation: choosing, upscaling and showing them.

Random crops for training are in `data.pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import contact_sheet
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.upscaling.upscaler import Upscaler

MARGIN = 32
"""LR pixels of context around a part: the tile overlap of the original notebook."""


@dataclass(frozen=True)
class Crop:
    """A rectangle of a pair, in LR pixels."""

    top: int
    left: int
    height: int
    width: int

    def lr(self, pair: Pair) -> NDArray[np.uint8]:
        """Return the part of LR: uint8, height×width×3."""
        return self.cut(pair.lr, 1)

    def hr(self, pair: Pair) -> NDArray[np.uint8]:
        """Return the part of HR: uint8, 4 height×4 width×3."""
        return self.cut(pair.hr, SCALE)

    def enlarged(self, pair: Pair, upscaler: Upscaler) -> NDArray[np.uint8]:
        """Upscale the part with its context, as in an upscaling of the whole painting."""
        height, width = pair.lr.shape[:2]
        above, before = max(0, self.top - MARGIN), max(0, self.left - MARGIN)
        below = min(height, self.top + self.height + MARGIN)
        after = min(width, self.left + self.width + MARGIN)
        made = upscaler(np.array(pair.lr[above:below, before:after]))
        inner = Crop(self.top - above, self.left - before, self.height, self.width)
        return inner.cut(made, SCALE)

    def cut(self, picture: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
        """Return the part of a picture that is `scale` times as large as LR, in memory."""
        rows = slice(self.top * scale, (self.top + self.height) * scale)
        columns = slice(self.left * scale, (self.left + self.width) * scale)
        return np.array(picture[rows, columns])


def middle(pair: Pair, side: int | None) -> Crop:
    """Return the centre of a painting, at most `side` HR pixels a side; None: all of it."""
    height, width = pair.lr.shape[:2]
    if side is None:
        return Crop(0, 0, height, width)
    high, wide = min(height, side // SCALE), min(width, side // SCALE)
    return Crop((height - high) // 2, (width - wide) // 2, high, wide)


def detail(pair: Pair, side: int) -> Crop:
    """Return the most detailed square of `side` HR pixels, or less in a smaller painting."""
    smaller = min(side // SCALE, *pair.lr.shape[:2])
    return Crop(*most_detailed(pair.lr, smaller), smaller, smaller)


def most_detailed(picture: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Return top and left of the square of `side` pixels with the largest mean gradient."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    total = cv2.integral(np.hypot(across, down), sdepth=cv2.CV_64F)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(np.argmax(sums), sums.shape)
    return int(top), int(left)


def picture_rows(
    pairs: Sequence[Pair], upscalers: Mapping[str, Upscaler], side: int
) -> NDArray[np.uint8]:
    """Draw a row per painting with one detail: LR, each upscaler's result, the original.

    Args:
        pairs: The paintings, at least one, top to bottom; their ids are the titles.
        upscalers: By caption, left to right.
        side: Side of the details in HR pixels.

    Returns:
        uint8, H×W×3: captioned rows at full resolution; LR is enlarged by repeating pixels.
    """
    rows = [_picture_row(pair, upscalers, side) for pair in pairs]
    widest = max(row.shape[1] for row in rows)
    return np.concatenate([_widened(row, widest) for row in rows])


def _picture_row(pair: Pair, upscalers: Mapping[str, Upscaler], side: int) -> NDArray[np.uint8]:
    crop = detail(pair, side)
    repeated = crop.lr(pair).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    cells = [
        ("low resolution", repeated),
        *((name, crop.enlarged(pair, upscaler)) for name, upscaler in upscalers.items()),
        ("original", crop.hr(pair)),
    ]
    return contact_sheet(cells, pair.id, height=crop.height * SCALE)


def _widened(row: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Extend a row to the right with its background, the colour of the first pixel."""
    wide = np.tile(row[:1, :1], (row.shape[0], width, 1))
    wide[:, : row.shape[1]] = row
    return wide
