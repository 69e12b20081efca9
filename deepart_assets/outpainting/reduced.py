"""Resizing for outpainters that work at a reduced size."""

import numpy as np
from numpy.typing import NDArray

SMALLEST_SIDE = 16
"""Smallest side of a reduced picture, in pixels."""


def reduce(
    picture: NDArray[np.uint8],
    known: NDArray[np.bool_],
    scale: float,
    smallest: int = SMALLEST_SIDE,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Reduce a picture and its mask; a reduced pixel is known if all its source pixels are.

    If no pixel would be known, because the subject is thin, one known source pixel is enough.
    Neither side becomes smaller than `smallest`, unless it is smaller already.
    """
    import cv2

    height, width = known.shape
    scale = min(1.0, max(scale, smallest / min(height, width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    share = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(picture.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # Unknown pixels are black: without the division they would darken the edge of the subject.
    colours /= np.maximum(share, 1e-6)[..., None]
    whole = share > 0.999
    small_known = whole if whole.any() else share > 0
    small = np.where(small_known[..., None], np.clip(colours, 0, 255), 0)
    return np.round(small).astype(np.uint8), small_known


def fit(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a picture to H×W: bicubic to enlarge, area averaging to reduce."""
    import cv2

    smaller = height < picture.shape[0] and width < picture.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way))
