"""Moves a prediction where a curator's strokes contradict it."""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize, working_size
from deepart_assets.segmentation.base import Corrector
from deepart_assets.segmentation.cleanup import THRESHOLD, SubjectMask, clean_up
from deepart_assets.segmentation.refinement import grab_cut, moved_towards
from deepart_assets.segmentation.scribble import Scribble, fitted
from deepart_assets.settings.segmentation import Segmentation

SIDE = 320
"""Smaller side at which the correction is solved, in pixels: about a second a painting."""
REACH = 0.1
"""Only pixels within this distance of a stroke that contradicts the prediction may change, as a
share of the longer side."""
NEAR = 0.4
"""Share of the reach within which GrabCut at first takes a pixel for the stroke's."""
ITERATIONS = 2
CLUSTERS = 5
"""Of colour on each side; GrabCut needs as many pixels."""


def corrected_mask(
    picture: NDArray[np.uint8],
    soft: NDArray[np.uint8],
    scribble: Scribble,
    settings: Segmentation,
    corrector: Corrector,
) -> SubjectMask:
    """Return the mask of a prediction after correction by a scribble.

    Args:
        picture: uint8, H×W×3.
        soft: uint8, h×w of the same aspect, the prediction, 255 = subject.
        scribble: Of the picture's size. The mask has what it keeps and lacks what it drops.
        settings: As for `clean_up`.
        corrector: Moves the prediction.
    """
    moved = corrector(picture, soft, scribble)
    subject = clean_up(moved, picture.shape[:2], settings)
    return SubjectMask.of(scribble.imposed_on(subject.mask))


def grab_cut_correction(
    picture: NDArray[np.uint8], soft: NDArray[np.uint8], scribble: Scribble
) -> NDArray[np.uint8]:
    """Move a prediction where strokes contradict it, and nowhere else.

    Each group of such strokes is solved by itself with GrabCut (Rother et al. 2004) around it:
    the strokes are certain, and so is the prediction, but for pixels near the strokes that the
    prediction takes for the opposite. Of the pixels that change only those connected to the strokes
    do. Colour models fitted to the neighbourhood alone separate dark from slightly less dark.

    Args:
        picture: uint8, H×W×3.
        soft: uint8, h×w, the prediction, 255 = subject.
        scribble: Of the picture's size.

    Returns:
        uint8, at the picture's or the prediction's size, 255 = subject. `soft` itself if no stroke
        contradicts it.
    """
    import cv2

    size = working_size(picture.shape[0], picture.shape[1], SIDE)
    found = fitted(scribble.keep, scribble.drop, size)
    before = resize(soft, *size) >= THRESHOLD
    small = resize(picture, *size)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    mask, reach = before, REACH * max(size)
    for strokes, value in ((found.keep, True), (found.drop, False)):
        wrong = strokes & (mask != value)
        if not wrong.any():
            continue
        count, groups = cv2.connectedComponents((_distance_to(wrong) < reach / 4).astype(np.uint8))
        for group in range(1, count):
            mask = _spread(lab, mask, wrong & (groups == group), found, reach)
    if (mask == before).all():
        return soft
    levels = soft.astype(np.float32) / np.float32(255)
    moved = moved_towards(picture, levels, small, before, mask)
    return np.asarray(np.round(moved * np.float32(255)).astype(np.uint8))


def _spread(
    lab: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    strokes: NDArray[np.bool_],
    certain: Scribble,
    reach: float,
) -> NDArray[np.bool_]:
    """Give the pixels around some strokes of one colour that belong with them its value."""
    import cv2

    value = bool(certain.keep[strokes].any())
    away = _distance_to(strokes)
    rows, columns = np.nonzero(away < 1.6 * reach)  # the colours of the surround are learnt there
    part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    near, old = away[part], mask[part]
    same, opposite = (cv2.GC_PR_FGD, cv2.GC_PR_BGD) if value else (cv2.GC_PR_BGD, cv2.GC_PR_FGD)
    labels = np.where(old, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    open_ = (near < reach) & (old != value)
    labels[open_] = np.where(near < NEAR * reach, same, opposite)[open_]
    labels[certain.keep[part]] = cv2.GC_FGD
    labels[certain.drop[part]] = cv2.GC_BGD
    new = old
    if CLUSTERS <= (labels % 2).sum() <= labels.size - CLUSTERS:  # the subject's are odd
        new = grab_cut(lab[part], labels, ITERATIONS)
    _, parts = cv2.connectedComponents((new != old).astype(np.uint8))
    connected = np.isin(parts, np.setdiff1d(parts[strokes[part]], 0))
    result = mask.copy()
    result[part][connected] = value
    result[strokes] = value
    return result


def _distance_to(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5))
