"""Finds what a painting is photographed with: a margin, a wall, a frame, an oval, an arch.

The detector is made not to crop paint: what is not clearly visible on all sides is left in.
"""

import json
import math
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import fit_within, resize
from deepart_assets.imaging.borders import Box, content_box, largest, whole

MARGINS_SIDE = 1024
"""Longer side of the copy in which flat margins are looked for."""
SIDE = 512
"""Longer side of the copy in which frames and curves are looked for."""
NARROWEST = 48
"""Smaller side of that copy below which nothing is looked for."""
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
THINNEST = 0.01
"""Share of the picture's width or height that a support has on one side at least."""
UNEVEN = 2.5
"""How many times wider than its narrowest side the widest side of a frame may be."""
CANDIDATES = 6
"""Edges that are tried on each side: a frame's mouldings have several."""
MATCH = 0.9
"""Agreement (IoU) with the ellipse in its box of what lies between flat corners."""
HIGHEST = 0.65
"""Share of a painting's height that the curve of an arch may take."""
ARCH_GAPS = 0.03
"""Share of an arch below its curve that may have the ground's colour."""
WALLS = 24
"""Rectangles, the largest first, of which is tried whether a frame hangs there on a wall."""

Flags = NDArray[np.bool_]


class Support(NamedTuple):
    """Where the paint is in a picture of a painting with its support.

    `top` and `bottom` are the curves of an arch or an oval: the height of the support above
    (below) the painting at evenly spaced columns from the left side of `box` to the right one, as a
    share of the box's height; empty where the painting ends straight.
    """

    box: Box
    """The bounding box of the painting."""
    top: tuple[float, ...] = ()
    bottom: tuple[float, ...] = ()
    in_result: Literal["put_back", "crop"] = "put_back"
    """Whether it is part of the upscaled result."""

    @property
    def kind(self) -> Literal["frame", "arch", "oval"]:
        """What the support is called: a frame stands for all that is rectangular."""
        if not self.top:
            return "frame"
        return "oval" if self.bottom else "arch"

    def description(self) -> str:
        """Return the kind and the box in one line."""
        left, top, right, bottom = self.box
        return f"{self.kind}, painting {right - left}×{bottom - top} pixels at {left}, {top}"

    def to_json(self) -> bytes:
        """Return it as the lake keeps it; `from_json` reads it."""
        return json.dumps({**self._asdict(), "box": self.box._asdict()}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Support":
        """Read what `to_json` wrote."""
        content = json.loads(data)
        return cls(
            Box(**content["box"]),
            tuple(content["top"]),
            tuple(content["bottom"]),
            content["in_result"],
        )

    def painted(self, height: int, width: int) -> Flags:
        """Return where the paint is in the picture of H×W pixels: bool, H×W."""
        region = np.zeros((height, width), dtype=np.bool_)
        box = self.box
        region[box.top : box.bottom, box.left : box.right] = self.shape(*box.size)
        return region

    def resized(self, size: tuple[int, ...], copy: tuple[int, ...]) -> "Support":
        """Return the support in a copy of the picture, both sizes as (height, width)."""
        inner = _within(Box(0, 0, copy[1], copy[0]), self.box, Box(0, 0, size[1], size[0]))
        return self._replace(box=inner)

    def visible(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the painting alone, H×W×3: corners outside of it repeat its nearest pixel."""
        import cv2

        part = np.ascontiguousarray(self.box.of(picture))
        painted = self.shape(*self.box.size)
        if painted.all():
            return part
        # Along a curve the paint is blurred with the support.
        rim = np.ones((2 * (min(painted.shape) // 200) + 3,) * 2, np.uint8)
        painted = cv2.erode(painted.astype(np.uint8), rim) > 0
        _, nearest = cv2.distanceTransformWithLabels(
            (~painted).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
        colours[nearest[painted]] = part[painted]
        return np.asarray(colours[nearest])

    def placed(self, part: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
        """Return a mask of the painting alone as one of the picture: uint8, H×W, 0 elsewhere."""
        whole_mask = np.zeros((height, width), np.uint8)
        box = self.box
        whole_mask[box.top : box.bottom, box.left : box.right] = part * self.shape(*box.size)
        return whole_mask

    def shape(self, height: int, width: int) -> Flags:
        """Return where the paint is inside of the box, enlarged or reduced to H×W: bool, H×W."""
        rows = (np.arange(height) + 0.5)[:, None] / height
        at = (np.arange(width) + 0.5) / width
        painted = np.ones((height, width), dtype=np.bool_)
        for curve, depth in ((self.top, rows), (self.bottom, 1 - rows)):
            if curve:
                painted &= depth >= np.interp(at, np.linspace(0, 1, len(curve)), curve)
        return painted


_HALF_OVAL = tuple(np.round((1 - np.sqrt(1 - np.linspace(-1, 1, 129) ** 2)) / 2, 4).tolist())
_OVAL = Support(Box(0, 0, 1, 1), _HALF_OVAL, _HALF_OVAL)


def find_support(picture: NDArray[np.uint8]) -> Support | None:
    """Find the support in a picture of a painting; None if there is nothing but the painting.

    Flat margins are taken off first, then a frame (with the wall it hangs on), then the flat
    corners of an arch or an oval.

    Args:
        picture: RGB uint8, H×W×3.
    """
    height, width = picture.shape[:2]
    if min(fit_within(height, width, SIDE)) < NARROWEST:
        return None
    medium = resize(picture, *fit_within(height, width, MARGINS_SIDE))
    margins = _flat_margins(medium)
    inner = margins.of(medium)
    small = resize(inner, *fit_within(inner.shape[0], inner.shape[1], SIDE))
    frame = _frame(small)
    region = frame.of(small)
    found = _curves(region) or _innermost_oval(region, whole(region))
    box = margins
    if found is not None or frame != whole(small):
        part = found.box if found else whole(region)
        box = _within(frame, part, frame)
        box = _within(margins, box, whole(small))
    box = _within(whole(picture), box, whole(medium))
    small_part = _area(box) < SMALLEST * height * width
    thin = max(box.left, width - box.right) < THINNEST * width and (
        max(box.top, height - box.bottom) < THINNEST * height
    )
    if small_part or (found is None and thin):
        return None
    return found._replace(box=box) if found else Support(box)


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)


def _flat_margins(picture: NDArray[np.uint8]) -> Box:
    """Return the box without margins of one colour, if two opposite sides have them."""
    box, outer = content_box(picture), whole(picture)
    moved = [a != b for a, b in zip(box, outer, strict=True)]
    return box if (moved[0] and moved[2]) or (moved[1] and moved[3]) else outer


def _within(box: Box, inner: Box, copy: Box) -> Box:
    """Return where a part of a copy of a box is; no pixel of it lies half outside of the part."""
    across = (box.right - box.left) / (copy.right - copy.left)
    down = (box.bottom - box.top) / (copy.bottom - copy.top)
    return Box(
        box.left + math.ceil(inner.left * across),
        box.top + math.ceil(inner.top * down),
        box.left + math.floor(inner.right * across),
        box.top + math.floor(inner.bottom * down),
    )


def _frame(small: NDArray[np.uint8]) -> Box:
    """Return the innermost rectangle of edges, reached from outside by even steps."""
    outer = whole(small)
    rows, columns = _Edges.across(small), _Edges.across(small.swapaxes(0, 1))
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


class _Edges(NamedTuple):
    """Where there is an edge along the rows of a picture, counted from the left: int, H×(W+1)."""

    counts: NDArray[np.int32]
    """Of four kinds: the edge is brighter below, brighter above, or there is one colour above it
    along the row, or below it."""

    @classmethod
    def across(cls, picture: NDArray[np.uint8]) -> "_Edges":
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
    outside[box.top : box.bottom, box.left : box.right] = False
    pixels = small[::3, ::3][outside[::3, ::3]].astype(np.int16)
    colour = np.median(pixels, axis=0)
    distance = np.abs(pixels - colour).max(axis=1)
    return bool((distance <= max(8, 0.2 * colour.max())).mean() >= 0.85)


def _curves(region: NDArray[np.uint8]) -> Support | None:
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
    painted, part = (labels == largest)[top : box.bottom, left : box.right], box.of(region)
    upper, lower = _curve(painted, part), _curve(painted[::-1], part[::-1])
    if not upper:
        return None
    if lower:
        found = painted & _OVAL.shape(*box.size)
        if found.sum() < MATCH * (painted | _OVAL.shape(*box.size)).sum():
            return None
        return _innermost_oval(region, box) or Support(box, upper, lower)
    # Under its curve an arch is as wide as its box; a figure before a plain wall is not.
    below = painted[math.ceil(upper[0] * down) + 1 :]
    full = upper[0] <= HIGHEST and bool(below.mean() >= 1 - ARCH_GAPS)
    return Support(box, upper) if full else None


def _innermost_oval(region: NDArray[np.uint8], box: Box) -> Support | None:
    """Return the innermost edge at one distance all around from the oval in a box, if any.

    It is the inner edge of an oval frame, or of the spandrels that make an oval of a rectangle.
    """
    height, width = box.bottom - box.top, box.right - box.left
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
    closed = inner[_Edges.across(rings).covered(inner, ends * 0, ends, 0)[:, 0, 0]]
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
