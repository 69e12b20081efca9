"""A surround that follows the subject's tone, within bounds."""

import cv2
import numpy as np
import pytest

from deepart_assets.outpainting.tone import SHIFTS, follow_tone

KNOWN = np.zeros((60, 60), bool)
KNOWN[20:50, 20:45] = True


def picture(level, seed=0, spread=20):
    noise = np.random.default_rng(seed).normal(0, spread, (60, 60, 3))
    return np.clip(noise + level, 0, 255).astype(np.uint8)


def lightness(colours):
    return cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 0].mean()


@pytest.mark.parametrize(("subject", "ground"), [(30, 150), (220, 60), (30, 250)])
def test_lightness_moves_towards_the_subjects_within_bounds(subject, ground):
    subject, ground = picture(subject), picture(ground, seed=1)
    result = follow_tone(ground, subject, KNOWN, 1)
    assert np.array_equal(result[KNOWN], ground[KNOWN])
    moved = lightness(result[~KNOWN]) - lightness(ground[~KNOWN])
    wanted = lightness(subject[KNOWN]) - lightness(ground[~KNOWN])
    assert moved * wanted > 0 and abs(moved) > 2
    assert SHIFTS[0][0] - 1 < moved < SHIFTS[0][1] + 1


def test_strength_is_a_share():
    ground = picture(150, seed=1)
    levels = [
        lightness(follow_tone(ground, picture(60), KNOWN, share)[~KNOWN]) for share in (0, 0.3, 0.6)
    ]
    assert levels[0] > levels[1] > levels[2]
    assert np.array_equal(follow_tone(ground, picture(60), KNOWN, 0), ground)


def test_a_flat_surround_stays_nearly_flat():
    ground = np.full((60, 60, 3), 120, np.uint8)
    result = follow_tone(ground, picture(100, spread=60), KNOWN, 1)
    assert np.ptp(result[~KNOWN], axis=0).max() == 0


@pytest.mark.parametrize("lightness_of_old", [20.0, 80.0])
def test_a_surround_follows_the_old_ground_where_that_is_known(lightness_of_old):
    subject, ground = picture(110), picture(120, seed=1)
    told = follow_tone(ground, subject, KNOWN, 1, (lightness_of_old, 0.0, 0.0))
    moved = lightness(told[~KNOWN]) - lightness(ground[~KNOWN])
    assert np.sign(moved) == np.sign(lightness_of_old - lightness(ground[~KNOWN]))
    assert SHIFTS[0][0] - 1 < moved < SHIFTS[0][1] + 1
