"""Corrects a prediction with a segmenter that takes a curator's strokes as points."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.base import Corrector, Prediction
from deepart_assets.segmentation.cleanup import THRESHOLD
from deepart_assets.segmentation.scribble import Scribble, fitted

POINTS = 8
"""Points that stand for a stroke, spread over it."""

Prompt = Callable[[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]], Prediction]
"""Cuts out the thing at some points: a picture, points inside and points outside, n×2, x and y as
shares of width and height."""


def prompted_correction(prompt: Prompt) -> Corrector:
    """Return a corrector that adds the things under green strokes and takes away those under red.

    Only strokes that contradict the prediction count, each by itself; all of the other colour are
    points outside of the thing. Several threads may correct at once: they take turns at `prompt`,
    so that its model is loaded once and has the GPU to itself.
    """
    turn = threading.Lock()

    def correct(
        picture: NDArray[np.uint8], soft: NDArray[np.uint8], scribble: Scribble
    ) -> NDArray[np.uint8]:
        import cv2

        small = resize(picture, *soft.shape)
        strokes = fitted(scribble.keep, scribble.drop, (soft.shape[0], soft.shape[1]))
        levels = soft
        for own, other, is_kept in (
            (strokes.keep, strokes.drop, True),
            (strokes.drop, strokes.keep, False),
        ):
            wrong = own & ((levels >= THRESHOLD) != is_kept)
            count, groups = cv2.connectedComponents(wrong.astype(np.uint8))
            for group in range(1, count):
                with turn:
                    found = prompt(small, _points(groups == group), _points(other))
                thing = found.levels()
                levels = np.maximum(levels, thing) if is_kept else np.minimum(levels, 255 - thing)
        return levels

    return correct


def _points(stroke: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return at most `POINTS` centres of a stroke's pixels, evenly in the order of its rows; none
    where there is no stroke."""
    places = np.argwhere(stroke)
    count = min(POINTS, len(places))
    chosen = places[np.linspace(0, len(places) - 1, count).astype(int)]
    height, width = stroke.shape
    return ((chosen[:, ::-1] + 0.5) / [width, height]).astype(np.float32)
