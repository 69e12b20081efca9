"""Walls: plain grounds, made good before they are lent.

What catches the eye on a bare wall is not what the lender's painter wanted there: a signature, the
end of a chair, glints on varnish, and the blocks of a JPEG where a dark wall is made lighter.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import Ground

LOUD, LOUDEST = 5.0, 6.0
"""A thing on a wall has so many times its usual gradient, and at least the second."""
AROUND = 7
"""Pixels by which a thing is grown."""
SMALL, FEW = 0.3, 0.1
"""Extent of a thing that is painted over, as a share of the smaller side, and the share of the
picture that all cover, at most."""
SPECK = 3.0
"""Radius of the window in whose median a speck is lost, in pixels at a smaller side of 512."""
OUTLIER, LEAST = 7.5, 10
"""A speck differs from that median by so many times the mean difference, and grey levels."""
GRAIN = 1.2
"""Deviation in grey levels that the finest detail of a wall has at least."""


def blemishes(
    gradient: NDArray[np.float32], ground: Ground, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return where a wall has small things on it: signatures, insects, the end of a chair.

    Args:
        gradient: float32: of the ground's picture at a smaller side of 512; see `gradient_of`.
        ground: What is known of it; in its hole nothing is looked for.
        size: Height and width of the result.

    Returns:
        bool, H×W; nowhere if there is more than a few.
    """
    import cv2

    hole = cv2.resize(ground.hole.astype(np.float32), gradient.shape[::-1]) > 0.4
    outside = gradient[~hole]
    none = np.zeros(size, bool)
    if not outside.size:
        return none
    strong = (gradient > max(LOUD * float(np.median(outside)), LOUDEST)) & ~hole
    grown = cv2.dilate(strong.astype(np.uint8), np.ones((2 * AROUND + 1,) * 2, np.uint8))
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    small = [each for each in outlines if max(cv2.boundingRect(each)[2:]) < SMALL * min(hole.shape)]
    found = cv2.drawContours(np.zeros_like(grown), small, -1, 1, cv2.FILLED).astype(np.float32)
    if found.mean() >= FEW:
        return none
    return np.asarray(cv2.resize(found, size[::-1]) > 0.5)


def made_good(wall: NDArray[np.uint8], unit: float) -> NDArray[np.uint8]:
    """Take specks from a wall, and give it the grain of a canvas where it has none.

    Args:
        wall: uint8, H×W×3, RGB.
        unit: Pixels that one pixel at a smaller side of 512 is.

    Returns:
        uint8, H×W×3.
    """
    import cv2

    median = cv2.medianBlur(wall, 2 * max(1, round(SPECK * unit)) + 1)
    off = cv2.absdiff(*(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (wall, median)))
    specks = (off > max(OUTLIER * float(off.mean()), LEAST)).astype(np.float32)
    specks = cv2.dilate(specks, np.ones((2 * max(1, round(unit)) + 1,) * 2, np.uint8))
    share = np.maximum(cv2.GaussianBlur(specks, (0, 0), unit), specks)[..., None]
    clean = wall * (1 - share) + median * share
    grey = clean.mean(2)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), unit)
    missing = float(np.sqrt(max(GRAIN**2 - float(np.mean(detail**2)), 0.0)))
    if missing:
        noise = np.random.default_rng(0).standard_normal(grey.shape, np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 0.8 * unit)
        clean += (missing / float(noise.std()) * noise)[..., None]
    return np.asarray(np.round(clean).clip(0, 255), np.uint8)
