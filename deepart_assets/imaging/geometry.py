"""Picture sizes, resizing, turning and distances."""

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


TURNED = range(5, 9)
"""EXIF orientations of pictures whose rows are stored as columns."""


def upright(pixels: NDArray, orientation: int) -> NDArray:
    """Turn pixels, H×W or H×W×channels, upright from their EXIF orientation; any other is 1."""
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def depth(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return each pixel's Euclidean distance from the nearest one that is not the mask's.

    The same for the same mask: OpenCV's own differs by a rounding error with the place that its
    input has in memory, although the squares of the distances are whole numbers.

    Args:
        mask: bool, H×W.

    Returns:
        float32, H×W, in pixels: 0 outside of the mask; infinite where nothing is outside.
    """
    import cv2

    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.sqrt(np.rint(np.square(distance))))
