"""Draws a mask on its painting, for people."""

import numpy as np
from numpy.typing import NDArray

_TINT = np.array((38, 56, 92), dtype=np.float32)
_TINT_WEIGHT = 0.65
_CONTOUR = (255, 214, 64)


def overlay(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Dim and tint what is outside the subject and draw the subject's contour around it.

    Args:
        picture: uint8, H×W×3.
        mask: bool, H×W, True = subject.

    Returns:
        uint8, H×W×3. Subject pixels are unchanged; the contour lies wholly outside of them.
    """
    import cv2

    outside = picture.astype(np.float32) * (1 - _TINT_WEIGHT) + _TINT * _TINT_WEIGHT
    shown = np.round(outside).astype(np.uint8)
    thickness = max(1, round(min(mask.shape) / 250))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1, 2 * thickness + 1))
    widened = cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
    shown[widened] = _CONTOUR
    shown[mask] = picture[mask]
    return shown
