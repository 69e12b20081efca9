import cv2
import numpy as np
import pytest

from deepart_assets.imaging.jpeg_compression import quality_of
from deepart_assets.settings.training import Degradations
from deepart_assets.super_resolution.data.random_degradation import degrade

from .pictures import texture

NOTHING = {"blur_prob": 0.0, "jpeg_prob": 0.0}
PICTURE = texture(128, 160)


def degraded(seed, **choice):
    return degrade(PICTURE, np.random.default_rng(seed), Degradations(**{**NOTHING, **choice}))


def test_without_any_probability_nothing_changes():
    assert np.array_equal(degraded(0), PICTURE)


@pytest.mark.parametrize("choice", ["blur_prob", "jpeg_prob"])
def test_a_share_of_the_crops_is_degraded_and_a_seed_tells_which(choice):
    made = [degraded(seed, **{choice: 0.5}) for seed in range(40)]
    assert 8 <= sum(not np.array_equal(each, PICTURE) for each in made) <= 32
    assert all(np.array_equal(each, degraded(s, **{choice: 0.5})) for s, each in enumerate(made))


def test_blur_takes_detail_away():
    detail = [np.abs(np.diff(each.astype(int), axis=1)).mean() for each in (PICTURE, degraded(1))]
    blurred = degraded(1, blur_prob=1, blur_sigma=(0.8, 0.8)).astype(int)
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.8 * min(detail)


def test_jpeg_has_the_quality_asked_for_with_its_grid_anywhere():
    grids = set()
    for seed in range(12):
        made = degraded(seed, jpeg_prob=1, jpeg_range=(50, 50))
        luma = cv2.cvtColor(made, cv2.COLOR_RGB2GRAY)
        quality, evidence = quality_of(luma)
        steps = np.abs(np.diff(luma.astype(int), axis=1)).mean(axis=0)
        grids.add(int(np.argmax([steps[phase::8].mean() for phase in range(8)])))
        assert made.shape == PICTURE.shape
        assert (quality, evidence < 0.9) == (50, True)
    assert len(grids) > 3
