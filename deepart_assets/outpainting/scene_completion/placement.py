"""Where a ground is laid so that the subject hides what the ground cannot show."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.ground_tone import lowest_rows
from deepart_assets.outpainting.scene_completion.ground import CELL, Ground, light_from
from deepart_assets.outpainting.scene_completion.matching import Match, visible_cost
from deepart_assets.outpainting.scene_completion.resting import base_of, rest_for
from deepart_assets.outpainting.scene_completion.subject import Subject
from deepart_assets.outpainting.tone import lab_of

ZOOMS = (1.0, 1.1, 1.22, 1.35, 1.5, 1.7)
"""Times the smallest scale at which the ground covers the picture; it is never stretched."""
CARRIES = 0.35
"""Where somebody stands, `Ground.standing` is at least so many hundreds."""
DRY = 0.5
"""So much more where there is sure to be open water: its own probe overlooks a third of it."""
PART, STANDS_BELOW = 0.06, 0.5
"""A part of a group stands on its own if it has the first share of its area and ends below the
second of its height: no angel."""
BEHIND, BEYOND = 0.8, 6.0
"""What stands farther back than the rest is seen from about the first share of its height; what it
costs, by the picture's height, that the horizon is lower: there it is a giant."""
IN_THE_SKY, DRAUGHT = 6.0, 0.08
"""What it costs, by the picture's height, that a ship ends above the water, which begins so much of
the height below the horizon: towards that a sky is hazy, and its probe loses it."""
FLOATS, AGROUND = -0.6, 8.0
"""A ship floats where `Ground.standing` is at most so many hundreds; what it costs, by hundreds,
that it is more: a beach is below many a sea."""


@dataclass(frozen=True)
class Placement:
    """A ground laid on a picture; sizes are of ground and picture at a smaller side of 512."""

    terms: Mapping[str, float]
    """The parts of its cost."""
    visible: float
    """Share of the picture where the ground's hole is seen, and must be filled."""
    scale: float
    """From the ground's pixels to the picture's."""
    offset: tuple[int, int]
    """Row and column of the picture's corner in the scaled ground, in pixels of the picture."""
    flip: bool

    @property
    def cost(self) -> float:
        """The sum of the terms."""
        return sum(self.terms.values())


@dataclass(frozen=True)
class Window:
    """The part of a scaled ground that lies on a picture."""

    size: tuple[int, int]
    """Height and width of the whole ground."""
    part: tuple[slice, slice]
    """Rows and columns of it, mirrored if it is."""
    flip: bool

    @classmethod
    def of(
        cls,
        ground: Ground,
        shape: tuple[int, int],
        *,
        scale: float,
        offset: tuple[int, int],
        flip: bool,
    ) -> "Window":
        """Return where a ground lies on a picture of H×W pixels; the rest as in `Placement`."""
        height, width = shape
        rows = max(height, round(ground.shape[0] * scale))
        columns = max(width, round(ground.shape[1] * scale))
        top, left = min(offset[0], rows - height), min(offset[1], columns - width)
        part = slice(top, top + height), slice(left, left + width)
        return cls((rows, columns), part, flip)

    def cut(self, whole: NDArray) -> NDArray:
        """Cut the part out of an array of the ground's size."""
        return np.ascontiguousarray((whole[:, ::-1] if self.flip else whole)[self.part])

    def hole(self, ground: Ground) -> NDArray[np.bool_]:
        """Return which pixels of the part the ground does not lend: bool, H×W."""
        import cv2

        return self.cut(cv2.resize(ground.hole.astype(np.float32), self.size[::-1]) > 0.4)


class Placer:
    """Finds the cheapest placement of grounds for one subject.

    Args:
        subject: The subject.
        match: What is known of it: a still life lies on a table, not on a floor.
    """

    def __init__(self, subject: Subject, match: Match) -> None:
        import cv2

        self._height, self._width = subject.mask.shape
        self._rows = max(1, round(self._height / CELL))
        self._columns = max(1, round(self._width / CELL))
        size = (self._columns, self._rows)
        mask = subject.mask.astype(np.float32)
        self._mask = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        self._subject, self._still, self._afloat = subject, match.still, match.is_afloat
        # A body that is continued to the frame needs nothing to stand on.
        self._stands = rest_for(subject, match) in ("table", "floor")
        parts = _standing_parts(self._mask > 0.5)
        self._base = np.maximum.reduce([_under(part) for part in parts])
        found = [np.flatnonzero(part.any(1)) for part in parts]
        ends = [(float(rows[0]), float(rows[-1] + 1)) for rows in found if len(rows)]
        nearest = max((bottom for _, bottom in ends), default=0.0)
        self._behind = [
            (bottom - BEHIND * (bottom - top)) / self._rows
            for top, bottom in ends
            if bottom < nearest - 1
        ]
        self._light = light_from(lab_of(subject.picture)[..., 0], subject.mask)

    def __call__(self, ground: Ground, plain: float, water: float = 0.0) -> Placement:
        """Return the cheapest placement of a ground, mirrored or not.

        Args:
            ground: The ground.
            plain: Its plainness over the library's median.
            water: How likely it shows open water.
        """
        carries = CARRIES + DRY * water
        tried = [
            self._at(ground, plain, carries, zoom, flip) for flip in (False, True) for zoom in ZOOMS
        ]
        return min(tried, key=lambda each: each.cost)

    def _at(
        self, ground: Ground, plain: float, carries: float, zoom: float, flip: bool
    ) -> Placement:
        """Return the cheapest placement at one scale; `carries` is for `_support`."""
        import cv2

        tall, wide = ground.shape
        scale = max(self._height / tall, self._width / wide) * zoom
        size = (
            max(self._columns, round(wide * scale / CELL)),
            max(self._rows, round(tall * scale / CELL)),
        )
        side = slice(None, None, -1 if flip else 1)
        hole = cv2.resize(
            ground.hole[:, side].astype(np.float32), size, interpolation=cv2.INTER_AREA
        )
        hidden = cv2.matchTemplate(hole, self._mask, cv2.TM_CCORR)
        visible = np.maximum(_window_sums(hole, self._rows, self._columns) - hidden, 0)
        visible /= self._rows * self._columns
        down, across = visible.shape
        y, x = np.arange(down)[:, None], np.arange(across)[None]
        terms: dict[str, NDArray | float] = {
            "visible": visible_cost(visible, plain),
            "zoom": 0.35 * float(np.log2(zoom)),
            "off centre": 0.15 * np.abs(y - (down - 1) / 2) / self._rows
            + 0.1 * np.abs(x - (across - 1) / 2) / self._columns,
            "base": self._support(ground, carries, size, scale, side),
            "horizon": self._horizon(ground, scale, y),
            "light": 0.12 * abs(self._light - (-ground.light if flip else ground.light)),
        }
        cost = np.asarray(sum(terms.values(), np.zeros((down, across))))
        row, column = map(int, np.unravel_index(int(cost.argmin()), cost.shape))
        return Placement(
            terms={
                name: float(np.broadcast_to(each, cost.shape)[row, column])
                for name, each in terms.items()
            },
            visible=float(visible[row, column]),
            scale=scale,
            offset=(row * CELL, column * CELL),
            flip=flip,
        )

    def _support(
        self,
        ground: Ground,
        carries: float,
        size: tuple[int, int],
        scale: float,
        side: slice,
    ) -> NDArray | float:
        """Return what it costs, by offset, that the ground does not carry a base that is seen.

        It carries one where `Ground.standing` is at least `carries` hundreds; a ship, on water.
        """
        import cv2

        if not self._stands and not self._afloat:
            return 0.0
        standing = ground.standing[:, side].astype(np.float32) / 100
        floor = cv2.resize(standing, size, interpolation=cv2.INTER_LINEAR)
        under = cv2.matchTemplate(floor, self._base, cv2.TM_CCORR) / self._base.sum()
        if self._afloat:
            return np.asarray(AGROUND * np.maximum(under - FLOATS, 0))
        on_floor = 2.4 * np.maximum(carries - under, 0)
        if self._still < 0.1:
            return np.asarray(on_floor)
        on_table: NDArray | float = 0.8
        if ground.kind == "still" and ground.base_row is not None:
            base = self._subject.rows[1] * self._height
            rows = CELL * np.arange(len(under))[:, None]
            apart = ground.base_row * ground.shape[0] * scale - rows - base
            on_table = 2 * np.abs(apart) / self._height
        return np.asarray((1 - self._still) * on_floor + self._still * on_table)

    def _horizon(self, ground: Ground, scale: float, y: NDArray) -> NDArray | float:
        """Return what it costs that the horizon is below the middle of a figure: a giant.

        Those of a group who stand farther back would be so at once.

        And more, that it is below the base of a ship.
        """
        if ground.horizon is None:
            return 0.0
        row = (ground.horizon * ground.shape[0] * scale - y * CELL) / self._height
        top, bottom = self._subject.rows
        cost = 1.5 * np.maximum(row - (top + 0.55 * (bottom - top)), 0)
        for highest in self._behind:
            cost = cost + BEYOND * np.maximum(row - highest, 0)
        if self._afloat:
            cost += IN_THE_SKY * np.maximum(row + DRAUGHT - bottom, 0)
        return np.asarray(cost)


def _standing_parts(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the parts of a subject that stand somewhere, each bool, r×c; at least one."""
    import cv2

    count, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    rows = np.flatnonzero(mask.any(1))
    if count <= 2 or not len(rows):
        return [mask]
    least, lowest = PART * mask.sum(), rows[0] + STANDS_BELOW * (rows[-1] - rows[0])
    top, height, area = (
        statistics[:, each] for each in (cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    stands = (area >= least) & (top + height >= lowest)
    stands[0] = False
    return [labels == each for each in np.flatnonzero(stands)] or [mask]


def _under(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the cells right under a subject's base: float32, 1 there."""
    found = np.zeros(mask.shape, np.float32)
    if not mask.any():
        found[-1] = 1
        return found
    lowest = lowest_rows(mask)
    columns = np.flatnonzero(base_of(mask))
    found[np.minimum(lowest[columns] + 1, len(mask) - 1), columns] = 1
    return found


def _window_sums(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float64]:
    """Return the sums of all windows of rows×columns, by an integral image."""
    import cv2

    whole = cv2.integral(values)
    below, above = whole[rows:], whole[:-rows]
    return np.asarray(
        below[:, columns:] - above[:, columns:] - below[:, :-columns] + above[:, :-columns]
    )
