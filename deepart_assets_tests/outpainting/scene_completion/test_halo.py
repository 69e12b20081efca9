"""Old ground at the rim of a subject: the new ground comes to meet it, and nothing else changes."""

import cv2
import numpy as np

from deepart_assets.outpainting.scene_completion.halo import haloed
from deepart_assets_tests.outpainting.scene_completion.drawn import oval

MASK = oval(512, 400)
DEPTH = cv2.distanceTransform(MASK.astype(np.uint8), cv2.DIST_L2, 5)
AWAY = cv2.distanceTransform((~MASK).astype(np.uint8), cv2.DIST_L2, 5)
BESIDE, FAR = (AWAY > 0) & (AWAY < 4), AWAY > 90
GROUND = np.full((512, 400, 3), 120, np.float32)


def step(rim):
    """Return how much lighter the ground beside a red subject with a grey rim becomes."""
    picture = np.zeros((512, 400, 3), np.uint8)
    picture[MASK] = (150, 60, 50)
    if rim is not None:
        picture[MASK & (DEPTH <= 3)] = rim
    found = haloed(GROUND, picture, MASK, 1.0)
    assert np.array_equal(found[MASK], GROUND[MASK])
    assert np.array_equal(found[FAR], GROUND[FAR])
    return float((found - GROUND)[BESIDE].mean())


def test_the_ground_comes_to_meet_a_rim_of_old_ground():
    assert step(220) > 15
    assert -30 < step(20) < -20, "but does not become it"


def test_a_rim_that_is_the_subjects_own_changes_nothing():
    assert step(None) == 0


def test_a_halo_is_the_same_at_full_size():
    picture = np.zeros((512, 400, 3), np.uint8)
    picture[MASK & (DEPTH <= 3)] = 200
    twice = [np.kron(each, np.ones((2, 2, 1), each.dtype)) for each in (GROUND, picture)]
    full = haloed(*twice, np.kron(MASK, np.ones((2, 2), bool)), 2.0)
    once = haloed(GROUND, picture, MASK, 1.0)
    assert np.abs(full[::2, ::2] - once)[AWAY > 1].mean() < 1
