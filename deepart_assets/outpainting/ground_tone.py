"""The tone of the ground beside a subject: all that an outpainter is told of what it replaces."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize, working_size
from deepart_assets.outpainting.tone import Colour, lab_of

SIDE = 512
"""Smaller side at which the ground is looked at, in pixels."""
BESIDE = 3.0, 12.0
"""Distances from the mask between which ground counts, in pixels: nearer it is mixed with the
subject's paint, and the teeth of a mask lie there."""
UPPER = 0.75
"""Share of the subject's height, from its top, beside which the plane is fitted: below is floor."""
BASE, UNDER = 0.2, (4, 32)
"""Columns that end in the lowest part of a subject, as a share of its height, are its base; and the
distances below it, in pixels, at which the floor counts, or the table."""
FEWEST = 100
"""Pixels that tell something."""
BLANK = 1.0
"""Deviation of L*a*b* below which it is no paint: the white of an empty canvas or of a cut-out."""
ALIKE = 6.0
"""Colours that are farther from the plane, ΔE, count less: a chair, or an arm outside the mask."""
ROUNDS = 12
"""Of the reweighting that this takes."""
LEVEL = 0.01
"""Variance, in smaller sides, that holds the plane level where the subject is narrow."""
MOST = np.array([14, 5, 8], np.float32)
"""By how much of L*, a* and b* the plane departs from its mean, at most."""


@dataclass(frozen=True)
class GroundTone:
    """Colours of the ground beside a subject, and a plane through those beside its upper part."""

    around: Colour
    """Mean L*a*b* all around, of floors, too."""
    mean: Colour
    """Of the plane."""
    across: Colour
    """By how much it changes to the right, over a smaller side of the picture."""
    down: Colour
    """The same downwards."""
    centre: tuple[float, float]
    """Row and column where it is `mean`, in smaller sides."""
    below: Colour | None = None
    """Median below the subject's base, as of a floor; None where the frame cuts it."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "GroundTone | None":
        """Return what `to_dict` described, read from JSON; None if that is None."""
        if values is None:
            return None
        return cls(**{key: each and tuple(each) for key, each in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @property
    def features(self) -> NDArray[np.float32]:
        """27: what a linear probe can tell a sky or a room by, beside the colours their bends."""
        below = self.around if self.below is None else self.below
        even = np.array([self.around, self.mean, self.across, self.down, below], np.float32)
        return np.concatenate(
            [even.ravel(), np.abs(even[2:4]).ravel(), (even[:2] / 10).ravel() ** 2]
        )

    def tilt(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Return how the plane departs from its mean all over a picture.

        Args:
            shape: Height and width of the picture.

        Returns:
            float32, H×W×3, within `MOST`.
        """
        height, width = shape
        side = min(shape)
        down = np.arange(height, dtype=np.float32)[:, None, None] / side - self.centre[0]
        across = np.arange(width, dtype=np.float32)[None, :, None] / side - self.centre[1]
        plane = down * np.array(self.down) + across * np.array(self.across)
        return np.asarray(MOST * np.tanh(plane / MOST), np.float32)


def ground_tone(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> GroundTone | None:
    """Return the tone of the ground beside a subject.

    A plane is fitted to the colours by least squares, reweighted so that outliers count less
    (Huber 1964).

    Args:
        picture: uint8, H×W×3, RGB: the whole painting.
        known: bool, H×W: the subject.

    Returns:
        None where there is hardly any ground, or a blank one: then nothing tells of it.
    """
    import cv2

    size = working_size(known.shape[0], known.shape[1], SIDE)
    small, mask = resize(picture, *size), resize(known.astype(np.float32), *size) >= 0.5
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return None
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    beside = (away > BESIDE[0]) & (away <= BESIDE[1])
    lab = lab_of(small)
    around = lab[beside]
    beside[round(rows[0] + UPPER * (rows[-1] - rows[0])) :] = False
    colours = lab[beside]
    if len(colours) < FEWEST or around.std(0).max() < BLANK:
        return None
    places = np.stack(np.nonzero(beside), axis=1) / min(size)
    weight = np.ones(len(colours))
    for _ in range(ROUNDS):
        total = weight.sum()
        centre = weight @ places / total
        mean = weight @ colours / total
        off = places - centre
        spread = (off * weight[:, None]).T @ off + LEVEL * total * np.eye(2)
        slope = np.linalg.solve(spread, (off * weight[:, None]).T @ (colours - mean))
        apart = np.linalg.norm(colours - mean - off @ slope, axis=1)
        weight = 1 / np.maximum(apart / ALIKE, 1)
    down, across = (_rounded(each) for each in slope)
    row, column = (round(float(each), 4) for each in centre)
    return GroundTone(
        _rounded(around.mean(0)), _rounded(mean), across, down, (row, column), _below(lab, mask)
    )


def _below(lab: NDArray[np.float32], mask: NDArray[np.bool_]) -> Colour | None:
    """Return the colour of what is under a subject's base."""
    rows = np.flatnonzero(mask.any(1))
    lowest = lowest_rows(mask)
    base = np.flatnonzero(mask.any(0) & (lowest > rows[-1] - BASE * (rows[-1] - rows[0])))
    down = lowest[base] + np.arange(*UNDER)[:, None]
    inside = np.minimum(down, len(mask) - 1)
    seen = (down < len(mask)) & ~mask[inside, base]
    if seen.sum() < FEWEST:
        return None
    return _rounded(np.median(lab[inside, base][seen], axis=0))


def lowest_rows(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the lowest row of the subject in each column; the last where there is none."""
    return np.asarray(len(known) - 1 - known[::-1].argmax(0))


def _rounded(values: NDArray[np.floating]) -> Colour:
    first, second, third = (round(float(each), 2) for each in values)
    return first, second, third
