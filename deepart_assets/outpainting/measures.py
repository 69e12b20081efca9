"""Measures of the known faults of a generated surround, each validated against originals.

How well they tell faults from paintings, `benchmarks/outpainting_measures.py` says. None of them
says that a surround is good: only that it lacks a fault.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.regions import blur, direction, distance, reduced, region_colours
from deepart_assets.outpainting.seam import seam_score
from deepart_assets.outpainting.tone import lab_of

SIFT_SIDE = 384
"""Smaller side at which repeated details are looked for, in pixels."""
SAME = 0.97
"""Cosine of two RootSIFT descriptors from which on they show the same detail."""
RAY_SIDE = 256
"""Smaller side at which rays are looked for, in pixels."""
LINE_SIDE = 512
"""Smaller side at which straight lines are looked for, in pixels."""
NEARBY_GAPS = (-6, -5, -4, -3, 3, 4, 5, 6)
"""The gaps that a straight line is compared with, in pixels from it."""


def repetition(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Return the share of the surround's details that occur elsewhere in the picture too.

    Details are SIFT keypoints (Lowe 2004) with RootSIFT descriptors (Arandjelović and Zisserman
    2012), at any size and angle; mirrored copies are not found.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        In [0, 1]; 0 also for a surround without details.
    """
    import cv2

    known, picture = reduced(unfinished, result, SIFT_SIDE)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    sift = cv2.SIFT.create(nfeatures=3000, contrastThreshold=0.02)
    points, found = sift.detectAndCompute(grey, None)
    if found is None:
        return 0.0
    at = np.array([point.pt for point in points], np.float32)
    size = np.array([point.size for point in points], np.float32)
    column, row = at.astype(int).T
    around = distance(known)[row, column] > 3
    roots = np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-6))
    alike = roots[around] @ roots.T
    apart = np.linalg.norm(at[around, None] - at, axis=2)
    alike[apart < np.maximum(20, 3 * size[around, None])] = -1
    repeated = int((alike.max(axis=1, initial=-1) > SAME).sum())
    return repeated / max(int(around.sum()), 50)  # a few chance matches are no repetition


def rays(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return the share of the surround whose lines lead straight away from the subject.

    A line leads away if less than a fifth of the gradient's energy in its neighbourhood is along
    the direction to the nearest pixel of the subject.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        In [0, 1]; None if there is too little surround.
    """
    known, picture = reduced(unfinished, result, RAY_SIDE)
    away = distance(known)
    across, down, length = direction(away, 3)
    light = blur(lab_of(picture)[..., 0], 1)
    dy, dx = np.gradient(light)
    xx, yy, xy = (blur(np.asarray(each), 1.5) for each in (dx * dx, dy * dy, dx * dy))
    along = across * across * xx + down * down * yy + 2 * across * down * xy
    measured = (away > 5) & (length > 0.7)
    measured[:4] = measured[-4:] = False
    measured[:, :4] = measured[:, -4:] = False
    if measured.sum() < 300:
        return None
    return float((along / (xx + yy + 1e-3) < 0.2)[measured].mean())


def straight_lines(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return how much one straight line across the whole surround stands out, as tiles leave them.

    For each gap between two columns, the rows in which colours rise across it are balanced against
    those in which they fall; a gradient, which the gaps nearby have too, does not count. Likewise
    for the gaps between rows. A painted edge is rarely so long and so straight.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        The largest imbalance over the median one; None if there is too little surround.
    """
    known, picture = reduced(unfinished, result, LINE_SIDE)
    lab = lab_of(picture)
    around = distance(known) > 8
    around[:12] = around[-12:] = False  # scans have borders
    around[:, :12] = around[:, -12:] = False
    found = []
    for colours, there in ((lab, around), (lab.transpose(1, 0, 2), around.T)):
        both = there[:, 1:] & there[:, :-1]
        count = both.sum(axis=0)
        long = count > 0.35 * len(both)
        if long.sum() < 8:
            continue
        steps = np.diff(colours, axis=1)
        signs = (np.sign(steps) * (np.abs(steps) > 0.3) * both[..., None]).sum(axis=0)
        balance = signs / np.maximum(count, 1)[:, None]
        nearby = np.median([np.roll(balance, gap, axis=0) for gap in NEARBY_GAPS], axis=0)
        outstanding = np.abs(balance - nearby).max(axis=1)[long]
        found.append(outstanding.max() / (np.median(outstanding) + 0.05))
    return float(max(found)) if found else None


def sharpness(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return how sharp the surround is, in octaves of the subject's sharpness.

    Sharpness is the mean of the finest details (below a σ of 1 pixel) over that of the next larger
    ones (1 to 4 pixels), which does not depend on contrast.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        0: as sharp as the subject; -1: half as sharp. None if there is too little of either.
    """
    known = unfinished[..., 3] == 255
    around, inside = distance(known) > 6, distance(~known) > 4
    if min(around.sum(), inside.sum()) < 400:
        return None
    light = lab_of(result)[..., 0]
    smooth = blur(light, 1)
    fine, coarse = np.abs(light - smooth), np.abs(smooth - blur(light, 4))

    def of(region: NDArray[np.bool_]) -> float:
        return float(fine[region].mean() / (coarse[region].mean() + 0.15))

    return float(np.log2((of(around) + 1e-3) / (of(inside) + 1e-3)))


def foreign_colours(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return how far the surround's colours are from the nearest of the subject's.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        The mean distance in CIELAB, with lightness at half its weight; None if either is too small.
    """
    found = region_colours(unfinished, result)
    if found is None:
        return None
    around, inside = (each * np.array((0.5, 1, 1), np.float32) for each in found)
    squares = (around**2).sum(axis=1)[:, None] + (inside**2).sum(axis=1) - 2 * around @ inside.T
    return float(np.sqrt(np.maximum(squares, 0)).min(axis=1).mean())


def black_point(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return how much lighter the darkest 2% of the surround are than those of the subject.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        In L* of CIELAB: above 0 for a hazy surround, below for one that is too dark; None if
        either is too small.
    """
    found = region_colours(unfinished, result)
    if found is None:
        return None
    around, inside = (float(np.percentile(each[:, 0], 2)) for each in found)
    return around - inside


def matte_step(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float | None:
    """Return the step in colour where the blend with the surround ends, if there is one.

    Steps along the way out from the subject are averaged, with their signs, over 25 pixels of each
    outline 1 to 9 pixels outside the subject. Beyond an original's outline they fall; a rim of old
    ground, or a blend that ends in another tone, raises them again.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.

    Returns:
        The largest rise, in CIELAB a pixel; None if there is too little surround.
    """
    import cv2

    away = distance(unfinished[..., 3] == 255)
    across, down, length = direction(away, 1)
    lab = lab_of(result)
    steps = []
    for channel, weight in enumerate((1, 0.7, 0.7)):
        dy, dx = np.gradient(lab[..., channel])
        steps.append(weight * (dx * across + dy * down))
    means: list[float] = []
    for pixel in range(1, 10):
        ring = ((np.abs(away - pixel) <= 0.5) & (length > 0.6)).astype(np.float32)
        if ring.sum() < 50:
            return None
        weight = np.maximum(cv2.boxFilter(ring, -1, (25, 25)), 1e-4)
        local = [cv2.boxFilter(step * ring, -1, (25, 25)) / weight for step in steps]
        mean = np.sqrt(np.sum([each**2 for each in local], axis=0))
        means.append(float((mean * ring).sum() / ring.sum()))
    return max(means[pixel] - min(means[1 : pixel + 1]) for pixel in range(2, 9))


@dataclass(frozen=True)
class Measure:
    """A measure as a column of a table."""

    name: str
    of: Callable[[NDArray[np.uint8], NDArray[np.uint8]], float | None]
    """Of an unfinished painting (uint8, H×W×4) and a result (uint8, H×W×3)."""
    better: str
    """Which values are better, for readers."""
    meaning: str
    tolerance: float
    """A mean that is worse than the originals' by more than this shows."""

    def worse(self, value: float, original: float) -> float:
        """Return by how much a value is worse than the originals'; negative if it is no fault."""
        match self.better:
            case "as originals":
                return abs(value - original)
            case "no lower than originals":
                return original - value
        return value - original


MOST = "no higher than originals"
MEASURES = (
    Measure("repetition", repetition, MOST, "details that occur twice, as a share", 0.03),
    Measure("rays", rays, MOST, "lines that lead away from the subject, as a share", 0.1),
    Measure("straight_lines", straight_lines, MOST, "one line across the surround over others", 3),
    Measure(
        "sharpness",
        sharpness,
        "no lower than originals",
        "against the subject's, in octaves; below 0: blurred",
        0.4,
    ),
    Measure("foreign_colours", foreign_colours, MOST, "distance to the subject's colours, ΔE", 3),
    Measure(
        "black_point",
        black_point,
        "as originals",
        "darkest tones against the subject's, in L*; above 0: hazy",
        8,
    ),
    Measure("seam_score", seam_score, MOST, "steps across the outline over others", 1),
    Measure("matte_step", matte_step, MOST, "step where the blend ends, ΔE a pixel", 0.3),
)
"""The measures that tell the known faults from originals.

Less of a fault than the originals have is no merit: a surround of a single colour has none of them.
"""
