import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets import compat
from deepart_assets.errors import PaintingError
from deepart_assets.super_resolution.degradation import (
    cubic,
    lr_hr_pair,
    matlab_bicubic_enlarge,
    matlab_bicubic_reduce,
)

from .pictures import texture


def imresize(picture, scale):
    compat.prepare()
    from basicsr.utils.matlab_functions import imresize as reference

    return np.clip(np.rint(reference(picture / 255.0, scale) * 255), 0, 255)


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=15, deadline=None)
@given(st.integers(5, 20), st.integers(5, 20), st.integers(0, 99))
def test_reduction_is_within_a_level_of_matlabs(rows, columns, seed):
    picture = noise(4 * rows, 4 * columns, seed)
    made = matlab_bicubic_reduce(picture)
    assert made.shape == (rows, columns, 3)
    assert np.abs(made - imresize(picture, 0.25)).max() <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(4, 24), st.integers(4, 24), st.integers(0, 99))
def test_enlargement_is_within_a_level_of_matlabs(height, width, seed):
    picture = noise(height, width, seed)
    made = matlab_bicubic_enlarge(picture)
    assert made.shape == (4 * height, 4 * width, 3)
    assert np.abs(made - imresize(picture, 4)).max() <= 1


def test_textures_agree_almost_everywhere():
    picture = texture(128, 160)
    assert np.abs(matlab_bicubic_reduce(picture) - imresize(picture, 0.25)).mean() < 0.001


def test_the_kernel_partitions_unity():
    places = np.linspace(0, 1, 11)[:, None] + np.arange(-3, 4)
    assert np.allclose(cubic(places).sum(axis=1), 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2)])
def test_tiny_pictures_are_enlarged(size):
    picture = noise(*size, 0)
    assert matlab_bicubic_enlarge(picture).shape == (size[0] * 4, size[1] * 4, 3)
    flat = np.full((*size, 3), 77, np.uint8)
    assert (matlab_bicubic_enlarge(flat) == 77).all()


def test_a_side_that_is_no_multiple_of_four_is_refused():
    with pytest.raises(PaintingError, match=r"10×8 .* crop"):
        matlab_bicubic_reduce(noise(8, 10, 0))


@settings(max_examples=40, deadline=None)
@given(st.integers(4, 150), st.integers(4, 150), st.integers(64, 120))
def test_pairs_fit_and_are_never_enlarged(height, width, side):
    lr, hr = lr_hr_pair(noise(height, width, 0), side)
    assert hr.shape == (lr.shape[0] * 4, lr.shape[1] * 4, 3)
    assert hr.shape[0] <= height
    assert hr.shape[1] <= width
    smaller = min(height, width, side)
    assert smaller - 4 < min(hr.shape[:2]) <= smaller


def test_a_painting_of_the_wanted_size_keeps_its_pixels():
    picture = texture(66, 91)
    _, hr = lr_hr_pair(picture, 66)
    assert np.array_equal(hr, picture[:64, :88])


def test_a_sliver_is_refused():
    with pytest.raises(PaintingError, match="300×3"):
        lr_hr_pair(noise(3, 300, 0), 64)
