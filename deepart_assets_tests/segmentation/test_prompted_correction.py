"""Correcting by strokes that stand for points: of one colour, and in several threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deepart_assets.segmentation import Scribble
from deepart_assets.segmentation.base import Prediction
from deepart_assets.segmentation.prompted_correction import POINTS, prompted_correction


def scribbled():
    """A picture, a prediction without a subject, and one green stroke."""
    keep = np.zeros((20, 20), bool)
    keep[5:8, 5:8] = True
    scribble = Scribble(keep, np.zeros_like(keep))
    return np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8), scribble


def test_strokes_of_one_colour_are_enough():
    asked = []

    def prompt(picture, keep, drop):
        asked.append((keep.shape, drop.shape))
        return Prediction(np.ones(picture.shape[:2], np.float32), 1.0)

    picture, soft, scribble = scribbled()
    assert (prompted_correction(prompt)(picture, soft, scribble) == 255).all()
    opposite = Scribble(scribble.drop, scribble.keep)
    assert (prompted_correction(prompt)(picture, soft + np.uint8(255), opposite) == 0).all()
    assert asked == [((POINTS, 2), (0, 2))] * 2


def test_threads_take_turns_at_the_model():
    """The first prompt loads it, and a GPU holds it once."""
    busy, alone = threading.Lock(), []

    def prompt(picture, keep, drop):
        alone.append(busy.acquire(blocking=False))
        if alone[-1]:
            time.sleep(0.02)
            busy.release()
        return Prediction(np.ones(picture.shape[:2], np.float32), 1.0)

    given, correct = scribbled(), prompted_correction(prompt)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: correct(*given), range(8)))
    assert alone == [True] * 8
    assert all((each == 255).all() for each in found)
