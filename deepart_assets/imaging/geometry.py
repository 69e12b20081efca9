"""Picture sizes and resizing."""

import numpy as np
from numpy.typing import NDArray


def working_size(height: int, width: int, smaller_side: int) -> tuple[int, int]:
    """Return (height, width) with the smaller side reduced to `smaller_side`, never enlarged."""
    factor = min(1.0, smaller_side / min(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def fit_within(height: int, width: int, box: int) -> tuple[int, int]:
    """Return (height, width) with the longer side reduced to `box`, never enlarged."""
    factor = min(1.0, box / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def resize(picture: NDArray, height: int, width: int) -> NDArray:
    """Resize by area averaging to reduce, by bicubic interpolation to enlarge.

    Args:
        picture: uint8 or float32, H×W or H×W×C.
        height: Rows of the result.
        width: Columns of the result.
    """
    import cv2

    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (width, height), interpolation=method)
    return np.asarray(resized)
