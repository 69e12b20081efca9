"""Unites the parts of a picture that phrases name into one subject."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import fit_within
from deepart_assets.segmentation.base import Prediction, enlarged

SIDE = 1024
"""Parts are united at the picture's size, or reduced to this longer side; their masks are
smaller still."""
HALF = 0.5


@dataclass(frozen=True)
class Parts:
    """What was found in a picture."""

    logits: NDArray[np.float32]
    """n×h×w, any h and w that cover the picture; above 0 = inside."""
    phrases: NDArray[np.int64]
    """n: the index of the phrase that names each."""
    scores: NDArray[np.float32]
    """n: how sure the models are of each, in [0, 1]."""


def unite(parts: Parts, phrases: Sequence[str], size: tuple[int, int]) -> Prediction:
    """Return the union of parts: where several overlap, the largest probability.

    Args:
        parts: What was found.
        phrases: Everything that was searched for: the classes of the prediction.
        size: Height and width of the picture.

    Returns:
        A prediction of that size; its confidence is the highest score.
    """
    import cv2

    small = fit_within(*size, SIDE)
    mask = np.zeros(small, np.float32)
    ids = np.zeros(small, np.uint8)
    for logits, phrase in zip(parts.logits, parts.phrases, strict=True):
        level = np.float32(0.5) * (1 + np.tanh(logits / 2))  # the sigmoid, without overflow
        if level.shape != small:
            level = np.asarray(cv2.resize(level, small[::-1], interpolation=cv2.INTER_LINEAR))
        ids[(level > mask) & (level >= HALF)] = phrase + 1
        mask = np.maximum(mask, level)
    mask, classes = enlarged(mask, ids, phrases, size)
    return Prediction(mask, float(parts.scores.max(initial=0)), classes)
