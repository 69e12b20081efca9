"""What a subject stood on: the strip of the old floor that its mask keeps at the base.

It may not change, so that a floor painted under it takes its tone, and its shadow, which the strip
brings along, is not painted once more at the strip's outline.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize, working_size
from deepart_assets.outpainting import tone
from deepart_assets.outpainting.ground_tone import lowest_rows
from deepart_assets.outpainting.scene_completion.ground import SIDE

BASE = 0.2
"""Columns that end in the lowest part of a subject, as a share of its height, are its base."""
STRIP = 3
"""Depth of the outermost strip, in pixels of a picture whose smaller side is 512."""
ABOVE = (6, 12), (12, 20), (20, 30)
"""Depths of the paint to which it is compared: an old floor is thin or thick."""
FOREIGN = 10.0, 26.0
"""A strip that differs so much from one of them, ΔE, begins to be foreign, and wholly is."""
ALIKE = 14.0
"""Columns of one floor differ from their median by about so much, ΔE."""
SHARE = 0.1, 0.4
"""Shares of the base, from which a floor is believed in a little, and wholly."""
FEWEST = 8
"""Columns that tell something."""


class Footing(NamedTuple):
    """The old floor under a subject."""

    tone: NDArray[np.float32]
    """3: its mean L*a*b*."""
    certainty: float
    """From 0, where none is seen, to 1."""


UNSEEN = Footing(np.zeros(3, np.float32), 0.0)


def footing_of(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> Footing:
    """Return what is kept of the floor under a subject.

    Args:
        picture: uint8, H×W×3, RGB: the subject; nothing outside the mask counts.
        known: bool, H×W: where it is.
    """
    height, width = working_size(known.shape[0], known.shape[1], SIDE)
    share = resize(known.astype(np.float32), height, width)
    mask = share >= 0.5
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return UNSEEN
    lowest = lowest_rows(mask)
    is_low = lowest > rows[-1] - BASE * (rows[-1] - rows[0])
    base = np.flatnonzero(mask.any(0) & is_low & (lowest < height - 1 - STRIP))
    if len(base) < FEWEST:
        return UNSEEN
    alone = np.where(known[..., None], picture, 0).astype(np.float32)
    paint = resize(alone, height, width) / np.maximum(share, 0.5)[..., None]
    lab = tone.lab_of(np.round(paint).clip(0, 255).astype(np.uint8))

    def at(nearest: int, farthest: int) -> NDArray[np.float32]:
        """Return the mean colour of each column between two depths; NaN outside the subject."""
        depths = lowest[base] - np.arange(nearest, farthest)[:, None]
        rows = np.maximum(depths, 0)
        is_seen = (mask[rows, base] & (depths >= 0))[..., None]
        total = (lab[rows, base] * is_seen).sum(0)
        count = is_seen.sum(0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)

    strip, (low, high) = at(0, STRIP), FOREIGN
    apart = np.stack([np.linalg.norm(strip - at(*each), axis=1) for each in ABOVE])
    foreign = np.clip((np.nan_to_num(apart).max(0) - low) / (high - low), 0, 1)
    if not foreign.any():
        return UNSEEN
    middle = np.median(strip[foreign >= 0.5 * foreign.max()], axis=0)
    weight = foreign * np.exp(-((np.linalg.norm(strip - middle, axis=1) / ALIKE) ** 2))
    mean = (strip * weight[:, None]).sum(0) / max(float(weight.sum()), 1e-6)
    least, most = SHARE
    certainty = np.clip((weight.mean() - least) / (most - least), 0, 1)
    return Footing(np.asarray(mean, np.float32), float(certainty))
