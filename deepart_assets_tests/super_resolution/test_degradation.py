import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets import compat
from deepart_assets.errors import PaintingError
from deepart_assets.super_resolution.data.degradation import (
    REDUCTIONS,
    area_jpeg_reduce,
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


def extremes(height, width, seed):
    """Black and white pixels, in which the kernel overshoots most."""
    return noise(height, width, seed) // 128 * 255


def checks(height, width, seed):
    """Flat squares of a side between 1 and 16."""
    side = 1 << seed % 5
    return (
        extremes(height, width, seed)[::side, ::side]
        .repeat(side, 0)
        .repeat(side, 1)[:height, :width]
    )


def ramp(height, width, seed):
    line = np.linspace(seed, 255 - seed, height * width).reshape(height, width, 1)
    return np.rint(line.repeat(3, 2)).astype(np.uint8)


CONTENTS = st.sampled_from([noise, extremes, checks, ramp, texture])


def reduced_by_definition(line):
    """MATLAB's imresize(…, 1/4) of one line in float64, as its documentation and Keys define it.

    The kernel is stretched by 4; the weights of each output pixel are made to sum to 1; pixels
    beyond the border are mirrored, the border pixel repeated.
    """

    def keys(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    length = len(line)
    mirrored = [*range(length), *reversed(range(length))]
    made = []
    for k in range(1, length // 4 + 1):
        centre = 4 * k - 1.5  # MATLAB counts pixels from 1: x / scale + (1 - 1 / scale) / 2
        near = range(int(np.floor(centre - 8)), int(np.ceil(centre + 8)) + 1)
        weights = [keys((centre - place) / 4) for place in near]
        pixels = [line[mirrored[(place - 1) % (2 * length)]] for place in near]
        made.append(np.dot(weights, pixels) / sum(weights))
    return np.array(made)


@settings(max_examples=40, deadline=None)
@given(CONTENTS, st.integers(5, 40), st.integers(5, 40), st.integers(0, 99))
def test_reduction_is_within_a_level_of_basicsrs(content, rows, columns, seed):
    picture = content(4 * rows, 4 * columns, seed)
    made = matlab_bicubic_reduce(picture)
    assert made.shape == (rows, columns, 3)
    assert made.dtype == np.uint8
    assert np.abs(made - imresize(picture, 0.25)).max() <= 1


@settings(max_examples=25, deadline=None)
@given(CONTENTS, st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_reduction_is_matlabs_definition(content, rows, columns, seed):
    picture = content(4 * rows, 4 * columns, seed)
    down = np.apply_along_axis(reduced_by_definition, 0, picture.astype(np.float64))
    exact = np.clip(np.apply_along_axis(reduced_by_definition, 1, down), 0, 255)
    # Rounded halves may fall to either side; nothing else may differ.
    assert np.abs(matlab_bicubic_reduce(picture) - exact).max() < 0.5001


def test_part_of_a_larger_picture_is_reduced_as_its_copy():
    whole = texture(80, 96)
    part = whole[8:72, 4:84]
    for reduce in REDUCTIONS.values():
        assert np.array_equal(reduce(part), reduce(np.ascontiguousarray(part)))


def test_the_seeds_reduction_is_what_cv2_writes(tmp_path):
    picture = texture(128, 160)
    small = cv2.resize(picture, (40, 32), interpolation=cv2.INTER_AREA)
    file = str(tmp_path / "x4.jpg")
    cv2.imwrite(file, small[..., ::-1])
    expected = cv2.imread(file)[..., ::-1]
    assert np.array_equal(area_jpeg_reduce(picture), expected)
    assert not np.array_equal(expected, small), "JPEG must leave a mark"


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


@settings(max_examples=40, deadline=None)
@given(
    st.integers(4, 150), st.integers(4, 150), st.integers(64, 120), st.sampled_from([*REDUCTIONS])
)
def test_pairs_fit_and_are_never_enlarged(height, width, side, degradation):
    lr, hr = lr_hr_pair(noise(height, width, 0), side, degradation)
    assert hr.shape == (lr.shape[0] * 4, lr.shape[1] * 4, 3)
    assert hr.shape[0] <= height
    assert hr.shape[1] <= width
    smaller = min(height, width, side)
    assert smaller - 4 < min(hr.shape[:2]) <= smaller
    assert hr.shape[0] % 4 == hr.shape[1] % 4 == 0
    assert np.array_equal(lr, REDUCTIONS[degradation](hr))


def test_a_painting_of_the_wanted_size_keeps_its_pixels():
    picture = texture(66, 91)
    _, hr = lr_hr_pair(picture, 66)
    assert np.array_equal(hr, picture[:64, :88])


def test_a_sliver_is_refused():
    with pytest.raises(PaintingError, match="300×3"):
        lr_hr_pair(noise(3, 300, 0), 64)
