"""A subject: what is known of the part of a painting that stays, the query of the search."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.ground_tone import BASE, GroundTone, lowest_rows
from deepart_assets.outpainting.scene_completion.halo import rim_of
from deepart_assets.outpainting.scene_completion.vectors import (
    GREY,
    pooled,
    texture_of,
    tokens_of,
    unit,
)
from deepart_assets.outpainting.tone import lab_of

QUANTILES = (2, 10, 25, 50, 75, 90, 98)
THIN = 0.004
"""A row with fewer pixels of subject, as a share of the smaller side, is taken to have none."""
PIECE = 0.001
"""Share of the picture that a piece of a subject covers at least to count."""
BEYOND = 1.7
"""A rim is mixed with paint: the old ground differs from it so many times as much as the rim does,
but is taken to be no darker or lighter than the rim's quartile on that side. Over 67 masks of the
validation split whose rim is foreign L* is off by 9.5 in place of 10.6, a* by 3.5 (4.2), b* by 5.0
(5.9); before dark grounds L* by 5.5 (11.9)."""
TRUSTED, ENOUGH = 0.8, 0.2
"""Weight of the old ground's tone beside the neighbours', and the foreign share of a rim from which
it has that."""
CONTOUR = 3.0, 14.0
"""Depth of the paint beside a subject's outline, in pixels."""
ABOVE = 6, 24
"""Height of the paint at a subject's base, in pixels."""
TORN = 5, 0.35
"""So many pieces, none with more than this share of the subject, are a torn mask."""
CUT = 0.965
"""A subject that reaches below this share of the height is cut by the frame."""
TOUCHES = 0.99
"""What reaches below this share of the height is cut there: a body, a cloth, a table."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A subject at a smaller side of 512 pixels, and what two networks see of it."""

    picture: NDArray[np.uint8]
    """uint8, H×W×3, RGB."""
    mask: NDArray[np.bool_]
    """bool, H×W."""
    vector: NDArray[np.float32]
    """384, of length 1; zeros without a subject."""
    texture: NDArray[np.float32]
    """224; zeros without a subject."""
    beside: GroundTone | None = None
    """The ground that was beside it; None if that is unknown."""

    @classmethod
    def of(
        cls,
        picture: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        beside: GroundTone | None = None,
    ) -> "Subject":
        """Look at the subject of a picture; nothing outside the mask counts.

        Args:
            picture: uint8, H×W×3, RGB.
            mask: bool, H×W; it may be empty.
            beside: The ground that was beside it.

        Raises:
            UnavailableError: A network's package is missing.
        """
        if not mask.any():
            return cls(picture, mask, np.zeros(384, np.float32), np.zeros(224, np.float32))
        alone = np.where(mask[..., None], picture, np.uint8(GREY))
        share = mask.astype(np.float32)
        return cls(
            picture, mask, unit(pooled(tokens_of(alone), share)), texture_of(alone, share), beside
        )

    @cached_property
    def _lab(self) -> NDArray[np.float32]:
        return lab_of(self.picture)[self.mask] if self.mask.any() else np.zeros((1, 3), np.float32)

    @cached_property
    def palette(self) -> NDArray[np.float32]:
        """7×3: quantiles of L*a*b*."""
        return np.asarray(np.percentile(self._lab, QUANTILES, axis=0), np.float32)

    @cached_property
    def tone(self) -> NDArray[np.float32]:
        """2×3: mean and deviation of L*a*b*."""
        return np.stack([self._lab.mean(0), self._lab.std(0)])

    @cached_property
    def rows(self) -> tuple[float, float]:
        """First and last row as shares of the height; (0, 0) without a subject."""
        found = np.nonzero(self.mask.sum(1) > THIN * min(self.mask.shape))[0]
        if not len(found):
            return (0.0, 0.0)
        height = len(self.mask)
        return float(found[0] / height), float((found[-1] + 1) / height)

    @property
    def base_row(self) -> float | None:
        """Lowest row as a share of the height; None without a subject, or if the frame cuts it."""
        return self.rows[1] if 0 < self.rows[1] <= CUT else None

    @cached_property
    def framed(self) -> float:
        """Share of the subject's columns that the frame cuts below; 0 without a subject."""
        columns = int(self.mask.any(0).sum())
        height = len(self.mask)
        low = self.mask[min(round(TOUCHES * height), height - 1) :].any(0)
        return float(low.sum() / max(columns, 1))

    @cached_property
    def rim(self) -> tuple[NDArray[np.float32], float]:
        """L*a*b* of the old ground, by the subject's rim, and how much of the rim is foreign.

        The rim is old ground which the mask keeps, mixed with the subject's paint: it tells the
        tone of what was around the subject, and a ground of its tone hides it.
        """
        lab = lab_of(self.picture)
        rim = rim_of(lab, self.mask, 1.0)
        weight = rim.foreign[rim.edge]
        if not weight.size or not weight.any():
            return np.zeros(3, np.float32), 0.0
        mixed, paint = (
            np.average(each[rim.edge], axis=0, weights=weight) for each in (rim.colour, rim.paint)
        )
        beyond = paint + BEYOND * (mixed - paint)
        least, most = np.quantile(
            lab[rim.edge], (0.25, 0.75), axis=0, weights=weight, method="inverted_cdf"
        )
        tone = np.where(mixed < paint, np.maximum(beyond, least), np.minimum(beyond, most))
        return np.asarray(tone, np.float32), float(weight.mean())

    @property
    def old_ground(self) -> tuple[NDArray[np.float32], float]:
        """L*a*b* of the ground that was around the subject, and how much it counts, in [0, 1]."""
        if self.beside is not None:
            return np.array(self.beside.around, np.float32), TRUSTED
        tone, foreign = self.rim
        return tone, TRUSTED * min(foreign / ENOUGH, 1.0)

    @cached_property
    def contour(self) -> float:
        """Mean L* of the paint beside the outline, against which a ground is seen."""
        import cv2

        depth = cv2.distanceTransform(self.mask.astype(np.uint8), cv2.DIST_L2, 5)
        beside = (depth > CONTOUR[0]) & (depth < CONTOUR[1])
        where = beside if beside.any() else self.mask
        return float(lab_of(self.picture)[where][:, 0].mean()) if where.any() else 0.0

    @cached_property
    def contrast_below(self) -> float:
        """ΔE between the paint at the base and what was below it; 0 where that is unknown."""
        if self.beside is None or self.beside.below is None:
            return 0.0
        rows = np.flatnonzero(self.mask.any(1))
        lowest = lowest_rows(self.mask)
        base = self.mask.any(0) & (lowest > rows[-1] - BASE * (rows[-1] - rows[0]))
        columns = np.flatnonzero(base)
        above = np.maximum(lowest[columns] - np.arange(*ABOVE)[:, None], 0)
        lab = lab_of(self.picture)[above, columns][self.mask[above, columns]]
        if not lab.size:
            return 0.0
        return float(np.linalg.norm(np.median(lab, axis=0) - self.beside.below))

    def fault(self) -> str | None:
        """Return why no ground can be laid under the subject; None if one can."""
        import cv2

        if not self.mask.any():
            return "there is no subject"
        statistics = cv2.connectedComponentsWithStats(self.mask.astype(np.uint8))[2]
        areas = statistics[1:, cv2.CC_STAT_AREA] / self.mask.size
        pieces = areas[areas >= PIECE]
        if len(pieces) >= TORN[0] and pieces.max() < TORN[1] * areas.sum():
            largest = pieces.max() / areas.sum()
            return f"the subject lies in {len(pieces)} pieces, the largest with {largest:.0%} of it"
        return None
