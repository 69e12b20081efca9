"""Finds the curve of an arch or an oval where a painting ends.

`support_detection` puts the detector of supports together.
"""

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.borders import Box
from deepart_assets.segmentation.support import Flags, Support
from deepart_assets.segmentation.support_frame import ALIKE, DEEPEST, SMALLEST, STEP, Edges

MATCH = 0.9
"""Agreement (IoU) with the ellipse in its box of what lies between flat corners."""
HIGHEST = 0.65
"""Share of a painting's height that the curve of an arch may take."""
ARCH_GAPS = 0.03
"""Share of an arch below its curve that may have the ground's colour."""

_HALF_OVAL = tuple(np.round((1 - np.sqrt(1 - np.linspace(-1, 1, 129) ** 2)) / 2, 4).tolist())
_OVAL = Support(Box(0, 0, 1, 1), _HALF_OVAL, _HALF_OVAL)


def find_curves(region: NDArray[np.uint8]) -> Support | None:
    """Find an arch or an oval on a ground of one colour, by what is flat in the corners."""
    import cv2

    height, width = region.shape[:2]
    smooth = cv2.medianBlur(np.ascontiguousarray(region), 3)
    first = smooth[1, 1].astype(np.int16)
    ground = np.zeros((height + 2, width + 2), np.uint8)
    for x, y in product((1, width - 2), (1, height - 2)):
        if not ground[y + 1, x + 1] and np.abs(smooth[y, x] - first).max() <= 2 * ALIKE:
            flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
            cv2.floodFill(smooth, ground, (x, y), 0, (ALIKE,) * 3, (ALIKE,) * 3, flags)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(
        1 - ground[1:-1, 1:-1], connectivity=4
    )
    if len(statistics) < 2:
        return None
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    left, top, across, down = (int(each) for each in statistics[largest][:4])
    box = Box(left, top, left + across, top + down)
    if across * down < SMALLEST * height * width:
        return None
    painted, part = box.of(labels == largest), box.of(region)
    upper, lower = _curve(painted, part), _curve(painted[::-1], part[::-1])
    if not upper:
        return None
    if lower:
        found = painted & _OVAL.shape(*box.size)
        if found.sum() < MATCH * (painted | _OVAL.shape(*box.size)).sum():
            return None
        return innermost_oval(region, box) or Support(box, upper, lower)
    # Under its curve an arch is as wide as its box; a figure before a plain wall is not.
    below = painted[math.ceil(upper[0] * down) + 1 :]
    full = upper[0] <= HIGHEST and bool(below.mean() >= 1 - ARCH_GAPS)
    return Support(box, upper) if full else None


def innermost_oval(region: NDArray[np.uint8], box: Box) -> Support | None:
    """Return the innermost edge at one distance all around from the oval in a box, if any.

    It is the inner edge of an oval frame, or of the spandrels that make an oval of a rectangle.
    """
    height, width = box.size
    # The rings of the oval as the rows of a picture, from outside to inside.
    depths = np.arange(-3, min(height, width) * DEEPEST / 2)[:, None]
    angles = np.linspace(0, 2 * np.pi, 2 * (height + width), endpoint=False)
    columns = box.left + width / 2 + (width / 2 - depths) * np.cos(angles)
    rows = box.top + height / 2 + (height / 2 - depths) * np.sin(angles)
    rings = region[
        np.clip(rows, 0, region.shape[0] - 1).astype(np.intp),
        np.clip(columns, 0, region.shape[1] - 1).astype(np.intp),
    ]
    inner = np.arange(3 + 3, len(rings) - 3)
    ends = np.array([len(angles)])
    closed = inner[Edges.across(rings).covered(inner, ends * 0, ends, 0)[:, 0, 0]]
    if not len(closed):
        return None
    depth = int(closed[-1]) - 3 + 1
    inset = Box(box.left + depth, box.top + depth, box.right - depth, box.bottom - depth)
    return _OVAL._replace(box=inset)


def _bends_outwards(curve: NDArray[np.intp], reach: int, height: int) -> bool:
    """Whether the curve lies nowhere above the line between its points at `reach` on both sides."""
    middle = (curve[: -2 * reach] + curve[2 * reach :]) / 2
    return bool((curve[reach:-reach] <= middle + 1 + 0.01 * height).all())


def _curve(painted: Flags, picture: NDArray[np.uint8]) -> tuple[float, ...]:
    """Return the curve of the upper corners as in `Support`; empty if they do not make one.

    A curve falls from both sides alike, bends outwards, and is sharp. Dark corners of a painting
    and what stands out against a plain sky do not.
    """
    import cv2

    height, width = painted.shape
    depth = np.where(painted.any(axis=0), painted.argmax(axis=0), height)
    half = (width + 1) // 2
    left, right = depth[:half], depth[::-1][:half]
    slack = 2 + 0.03 * height
    # Where the ground's colour goes on into the painting on one side, the other one is right.
    curve = np.minimum.accumulate(np.minimum(left, right))
    extent = int((curve > 1).sum())
    if (
        (np.abs(left - right) <= slack).mean() < 0.85
        or curve[0] < 0.04 * height
        or not 0.2 * half <= extent
        or curve[-1] > slack
        or not all(_bends_outwards(curve, max(1, extent // part), height) for part in (3, 6))
        or curve[:extent].sum() > 0.46 * curve[0] * extent
        or curve.sum() < 0.0025 * painted.size
    ):
        return ()
    change = cv2.morphologyEx(
        np.ascontiguousarray(picture), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)
    ).max(axis=2)
    columns = np.arange(1, extent)
    rows = np.minimum(curve[columns], height - 1)
    for found in (change[rows, columns], change[rows, width - 1 - columns]):
        if (found > 2 * STEP).mean() < 0.7:
            return ()
    both = np.concatenate([curve, curve[: width - half][::-1]])
    return tuple(np.round(both / height, 4).tolist())
