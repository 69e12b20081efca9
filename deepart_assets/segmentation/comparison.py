"""Agreement of several segmenters on the same paintings, and pictures of their masks."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_BOTH = (38, 56, 92)
_FIRST_ONLY = (230, 120, 40)
_SECOND_ONLY = (40, 150, 220)
_TINT = 0.65
_CONTOUR = (255, 214, 64)


def iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks, in [0, 1]; 1 where both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def iou_matrix(
    masks: Mapping[str, Sequence[NDArray[np.bool_] | None]],
) -> dict[str, dict[str, float | None]]:
    """Return the mean IoU over all paintings of each pair of segmenters.

    Args:
        masks: For each segmenter, its mask of each painting: bool, of the same size for all
            segmenters; None where it gave none. Only paintings of which both have one count.

    Returns:
        Rows and columns by segmenter; None where a pair has no painting in common.
    """
    return {
        first: {second: _mean_iou(ours, theirs) for second, theirs in masks.items()}
        for first, ours in masks.items()
    }


def disagreement(
    picture: NDArray[np.uint8], first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Show two masks on their painting: what only one keeps, in its colour.

    Args:
        picture: uint8, H×W×3.
        first: bool, H×W; what it alone keeps is orange.
        second: bool, H×W; what it alone keeps is blue.

    Returns:
        uint8, H×W×3. What both keep is as painted, what neither keeps is dimmed.
    """
    shown = picture.astype(np.float32)
    for colour, where in (
        (_BOTH, ~(first | second)),
        (_FIRST_ONLY, first & ~second),
        (_SECOND_ONLY, second & ~first),
    ):
        shown[where] = shown[where] * (1 - _TINT) + np.array(colour, np.float32) * _TINT
    return np.round(shown).astype(np.uint8)


def overlay(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Dim and tint what is outside the subject and draw the subject's contour around it.

    Args:
        picture: uint8, H×W×3.
        mask: bool, H×W, True = subject.

    Returns:
        uint8, H×W×3. Subject pixels are unchanged; the contour lies wholly outside of them.
    """
    import cv2

    shown = disagreement(picture, mask, mask)
    thickness = max(1, round(min(mask.shape) / 250))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1, 2 * thickness + 1))
    widened = cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)
    shown[widened & ~mask] = _CONTOUR
    return shown


def _mean_iou(
    ours: Sequence[NDArray[np.bool_] | None], theirs: Sequence[NDArray[np.bool_] | None]
) -> float | None:
    found = [
        iou(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None
    ]
    return float(np.mean(found)) if found else None
