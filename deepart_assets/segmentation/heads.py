"""Completes the heads of a subject: faces that touch it are kept whole, with their hair."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.cleanup import THRESHOLD
from deepart_assets.segmentation.faces import Face
from deepart_assets.segmentation.refinement import grab_cut, moved_towards, reduced

ITERATIONS = 2
HEAD = {"across": 0.75, "along": 0.95, "rise": 0.2}
"""The ellipse that may be head, by `Face.ellipse`."""
LIKELY = {"across": 0.55, "along": 0.7, "rise": 0.12}
"""What GrabCut at first takes for head, where the face is lost."""
CORE = {"across": 0.22, "along": 0.32}
"""What is face even in profile, where much of the box is ground."""
LOST = 0.5
"""A face of which less is in the mask is lost."""
SURROUND = {"across": 1.5, "along": 1.7, "rise": 0.2}
"""Where the colours of the ground are learnt."""
TOUCHES = 0.02
"""Share of the ellipse that may be head from which on it touches the subject."""
CHEST = {"across": 0.45, "along": 0.5, "rise": -1.25}
WORN = 0.3
"""A lost head is added if the mask has this share of the chest below it: alone it is no figure."""


def with_heads(
    picture: NDArray[np.uint8], soft: NDArray[np.float32], faces: Sequence[Face]
) -> NDArray[np.float32]:
    """Add what is missing of the heads that touch the subject, and nothing else.

    Args:
        picture: uint8, H×W×3.
        soft: float32, H×W, the prediction in [0, 1], 1 = subject.
        faces: In the picture's pixels.

    Returns:
        float32, H×W; `soft` itself where nothing is missing.
    """
    import cv2

    small, factor = reduced(picture)
    before = resize(soft, *small.shape[:2]) * 255 >= THRESHOLD
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    mask = before
    for face in faces:
        mask = _with_head(lab, mask, face.moved(factor))
    return moved_towards(picture, soft, small, before, mask)


def _with_head(lab: NDArray[np.uint8], mask: NDArray[np.bool_], face: Face) -> NDArray[np.bool_]:
    import cv2

    size = mask.shape
    head = face.ellipse(size, **HEAD)
    missing = head & ~mask
    if mask[head].mean() < TOUCHES or not missing.any():
        return mask
    around = face.ellipse(size, **SURROUND)
    rows, columns = np.nonzero(around)
    part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    labels = np.where(mask, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[missing] = cv2.GC_PR_BGD
    inner, chest = face.ellipse(size), face.ellipse(size, **CHEST)
    lost = mask[inner].mean() < LOST
    if lost and not (chest.any() and mask[chest].mean() >= WORN):
        return mask
    labels[missing & (face.ellipse(size, **LIKELY) if lost else inner)] = cv2.GC_PR_FGD
    labels[face.ellipse(size, **CORE)] = cv2.GC_FGD
    labels = np.ascontiguousarray(labels[part])
    new = labels == cv2.GC_FGD
    if (labels % 2 == 0).any():  # without ground there is nothing to tell the head from
        new = grab_cut(lab[part], labels, ITERATIONS)
    result = mask.copy()
    result[part] |= new
    return result
