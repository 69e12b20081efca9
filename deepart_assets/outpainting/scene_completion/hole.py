"""Which part of a painting cannot be lent: its subject, other figures, the border of the scan."""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.imaging.borders import content_box
from deepart_assets.outpainting.tone import lab_of

BORDER = 0.012
"""Share of each side that is taken for the scan's border."""
GROWTH = {"still": 12, "figure": 6, "interior": 6, "landscape": 6}
"""Pixels by which a hole is grown, by the kind of the painting."""
PROBABLE = {"still": 0.15, "figure": 0.3, "interior": 0.3, "landscape": 0.5}
"""Where the segmenter's map is above this, there is hole."""
FIGURE = {"still": 0.24, "figure": 0.24, "interior": 0.24, "landscape": 0.6}
"""Where the probe for figures is above this, there is hole."""
LEAST = 0.002
"""Share of the picture that a figure covers at least."""
RING = 41
"""Side in pixels of the window that grows a hole to the ring whose plainness counts."""


def find_hole(
    picture: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    figures: NDArray[np.float32],
    kind: str,
) -> NDArray[np.bool_]:
    """Return what of a painting cannot be lent: bool, H×W.

    Args:
        picture: uint8, H×W×3, RGB.
        mask: bool, H×W: the subject.
        probability: float, of any size, in [0, 1]: the segmenter's map; or None.
        figures: float32, r×c: how much each patch is a figure; see `probes.places`.
        kind: One of `KINDS`.
    """
    import cv2

    height, width = mask.shape
    hole = mask.copy()
    if probability is not None:
        hole |= resize(probability.astype(np.float32), height, width) > PROBABLE[kind]
    found = (resize(figures, height, width) > FIGURE[kind]).astype(np.uint8)
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(found)
    large = statistics[:, cv2.CC_STAT_AREA] > LEAST * height * width
    large[0] = False
    hole |= large[parts] if count > 1 else False
    if hole.any():
        away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 5)
        hole = away <= GROWTH[kind]
    rows, columns = round(BORDER * height), round(BORDER * width)
    box = content_box(picture)
    inside = np.zeros_like(hole)
    inside[box.top + rows : box.bottom - rows, box.left + columns : box.right - columns] = True
    return np.asarray(hole | ~inside)


def gradient_of(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the gradient of L*a*b* at a blur of σ = 2.5 pixels: float32, H×W, at least 0."""
    import cv2

    blurred = cv2.GaussianBlur(lab_of(picture), (0, 0), 2.5)
    across, down = cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down).sum(2), np.float32)


def plainness(picture: NDArray[np.uint8], hole: NDArray[np.bool_]) -> float:
    """Return the mean gradient, see `gradient_of`, in a ring round the hole."""
    import cv2

    gradient = gradient_of(picture)
    grown = cv2.dilate(hole.astype(np.uint8), np.ones((RING, RING), np.uint8)) > 0
    ring = gradient[grown & ~hole]
    return float((np.median(ring) + ring.mean()) / 2) if ring.size else float(gradient.mean())
