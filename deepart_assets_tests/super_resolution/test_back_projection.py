"""Enlarging a little without a network."""

import numpy as np
import pytest

from deepart_assets.imaging import resize
from deepart_assets.super_resolution.evaluation.metrics import psnr_y
from deepart_assets.super_resolution.upscaling.back_projection import back_projected, suffices

from .pictures import texture


@pytest.mark.parametrize("size", [(160, 150), (200, 160), (131, 171)])
def test_it_is_nearer_to_the_truth_than_cubic_interpolation(size):
    truth = resize(texture(400, 400), *size)
    given = resize(truth, 100, 100)
    made = back_projected(given, *size)
    assert made.shape == truth.shape
    assert psnr_y(made, truth) > psnr_y(resize(given, *size), truth) + 0.1


def test_reduced_again_it_is_what_was_given():
    given = resize(texture(400, 300), 100, 75)
    again = resize(back_projected(given, 160, 120), 100, 75).astype(int)
    cubic = resize(resize(given, 160, 120), 100, 75).astype(int)
    assert np.sqrt(((again - given) ** 2).mean()) < 0.5 * np.sqrt(((cubic - given) ** 2).mean())


def test_levels_stay_within_their_range_and_the_same_size_is_the_same_picture():
    given = np.zeros((20, 30, 3), np.uint8)
    given[:, 15:] = 255
    made = back_projected(given, 32, 48)
    assert made[:, :20].max() < 30 and made[:, 28:].min() > 225
    np.testing.assert_array_equal(back_projected(given, 20, 30), given)


def test_about_twice_the_size_is_the_most():
    picture = np.zeros((100, 80, 3), np.uint8)
    assert suffices(picture, (201, 160))
    assert not suffices(picture, (222, 160))
