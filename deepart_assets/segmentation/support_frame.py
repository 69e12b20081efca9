"""Finds the frame of a painting, and the edges between a support and the paint.

`support_detection` puts the detector of supports together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.borders import Box, largest, whole
from deepart_assets.segmentation.support import Flags

STEP = 10
"""Grey levels between the two sides of an edge."""
ALIKE = 16
"""Grey levels by which the colour of a support varies along an edge."""
COVERED = 0.82
"""Share of a side of the painting along which the edge of a frame is visible."""
DEEPEST = 1 / 3
"""Share of the picture's width or height that a support may have on one side."""
SMALLEST = 0.4
"""Share of the picture's area that a painting has at least."""
UNEVEN = 2.5
"""How many times wider than its narrowest side the widest side of a frame may be."""
CANDIDATES = 6
"""Edges that are tried on each side: a frame's mouldings have several."""
WALLS = 24
"""Rectangles, the largest first, of which is tried whether a frame hangs there on a wall."""


def find_frame(small: NDArray[np.uint8]) -> Box:
    """Return the innermost rectangle of edges, reached from outside by even steps."""
    outer = whole(small)
    rows, columns = Edges.across(small), Edges.across(small.swapaxes(0, 1))
    tops, bottoms = rows.candidates(0), rows.candidates(1)
    lefts, rights = columns.candidates(0), columns.candidates(1)
    sides = [
        rows.covered(tops, lefts, rights, 0)[:, None, :, :],
        rows.covered(bottoms, lefts, rights, 1)[None, :, :, :],
        columns.covered(lefts, tops, bottoms, 0).transpose(1, 2, 0)[:, :, :, None],
        columns.covered(rights, tops, bottoms, 1).transpose(1, 2, 0)[:, :, None, :],
    ]
    closed = sides[0] & sides[1] & sides[2] & sides[3]
    t, b, i, j = np.nonzero(closed)
    boxes = np.stack([lefts[i], tops[t], rights[j], bottoms[b]], axis=1)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(-areas, kind="stable")
    reached = np.array([outer])
    for rank, box in enumerate(boxes[order[areas[order] >= SMALLEST * outer.right * outer.bottom]]):
        # The outermost frame may hang on a wall, with more of it on one side than on another.
        hangs = len(reached) == 1 and rank < WALLS and _on_a_wall(small, Box(*box))
        if hangs or _is_even(reached, box):
            reached = np.vstack([reached, box])
    if len(reached) == 1:
        return outer
    left, top, right, bottom = (int(each) for each in reached[-1])
    return Box(left + 1, top + 1, right - 1, bottom - 1)


class Edges(NamedTuple):
    """Where there is an edge along the rows of a picture, counted from the left: int, H×(W+1)."""

    counts: NDArray[np.int32]
    """Of four kinds: the edge is brighter below, brighter above, or there is one colour above it
    along the row, or below it."""

    @classmethod
    def across(cls, picture: NDArray[np.uint8]) -> "Edges":
        """Find the edges between the rows of a picture, H×W×3."""
        import cv2

        padded = np.pad(picture.astype(np.float32), ((2, 2), (0, 0), (0, 0)), mode="edge")
        above, below = (padded[:-4] + padded[1:-3]) / 2, (padded[2:-2] + padded[3:-1]) / 2
        step = below - above
        strong, grey = largest(np.abs(step)) > STEP, step.mean(axis=2)
        near = np.ones((3, 1), np.uint8)  # an edge may lean by a pixel either way
        kinds = [strong & (grey > STEP / 2), strong & (grey < -STEP / 2), strong]
        brighter, darker, edge = (cv2.dilate(each.astype(np.uint8), near) > 0 for each in kinds)
        across = picture.shape[1]
        middle = slice(int(across * DEEPEST), int(across * (1 - DEEPEST)), 4)
        even = []
        for outside, clear in ((above, 1), (below, -1)):
            colours = np.roll(outside, clear, axis=0)
            usual = np.median(colours[:, middle], axis=1, keepdims=True)
            even.append(edge & (largest(np.abs(colours - usual)) <= ALIKE))
        stacked = np.stack([brighter, darker, *even])
        return cls(np.pad(stacked.cumsum(axis=2, dtype=np.int32), ((0, 0), (0, 0), (1, 0))))

    def candidates(self, side: int) -> NDArray[np.intp]:
        """Return the rows near the upper (0) or lower (1) border with the longest edges."""
        _, height, width = self.counts.shape
        deepest = int(height * DEEPEST)
        rows = np.arange(3, deepest) if side == 0 else np.arange(height - deepest, height - 2)
        start, end = int(width * DEEPEST), int(width * (1 - DEEPEST))
        counts = self.counts[[0, 1, 2 + side]][:, rows]
        shares = (counts[..., end] - counts[..., start]).max(axis=0) / max(1, end - start)
        found: list[int] = []
        for index in np.argsort(-shares, kind="stable"):
            if shares[index] < COVERED or len(found) == CANDIDATES:
                break
            if all(abs(int(rows[index]) - each) > 2 for each in found):
                found.append(int(rows[index]))
        return np.array(found, dtype=np.intp)

    def covered(
        self, rows: NDArray[np.intp], starts: NDArray[np.intp], ends: NDArray[np.intp], side: int
    ) -> Flags:
        """Say for each row, start and end whether an edge runs all the way between them."""
        counts = self.counts[[0, 1, 2 + side]][:, rows]
        lengths = ends[None, :] - starts[:, None]
        found = (counts[:, :, None, ends] - counts[:, :, starts, None]).max(axis=0)
        return np.asarray(found >= COVERED * lengths)


def _is_even(outer: NDArray[np.intp], inner: NDArray[np.intp]) -> bool:
    """Whether what is between any of the outer boxes and the inner one is about as wide on all
    sides, as a frame is."""
    widths = (inner - outer) * np.array([1, 1, -1, -1])
    narrowest, widest = widths.min(axis=1), widths.max(axis=1)
    return bool(((narrowest >= 2) & (widest <= UNEVEN * narrowest + 3)).any())


def _on_a_wall(small: NDArray[np.uint8], box: Box) -> bool:
    """Whether what is around a box is of one colour, in uneven light."""
    outside = np.ones(small.shape[:2], dtype=np.bool_)
    box.of(outside)[:] = False
    pixels = small[::3, ::3][outside[::3, ::3]].astype(np.int16)
    colour = np.median(pixels, axis=0)
    distance = np.abs(pixels - colour).max(axis=1)
    return bool((distance <= max(8, 0.2 * colour.max())).mean() >= 0.85)
