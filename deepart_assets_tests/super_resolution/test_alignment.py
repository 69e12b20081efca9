"""A pair that is aligned is found to be so whatever its size, and one that is not, is not."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deepart_assets.super_resolution.data.alignment import shift
from deepart_assets.super_resolution.data.degradation import REDUCTIONS, lr_hr_pair

from .pictures import texture

SIDES = st.integers(64, 260)


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.sampled_from([*REDUCTIONS]))
@example(217, 128, "bicubic")  # OpenCV's DFT would have the odd length 225
@example(81, 125, "bicubic")
def test_aligned_pairs_of_any_size_are_not_shifted(height, width, degradation):
    assert shift(*lr_hr_pair(texture(4 * height, 4 * width), 10_000, degradation)) < 0.25


@settings(max_examples=20, deadline=None)
@given(SIDES, SIDES, st.integers(-6, 6), st.integers(-6, 6))
def test_a_shift_is_measured_in_lr_pixels(height, width, down, across):
    picture = texture(4 * height + 48, 4 * width + 48)
    lr, _ = lr_hr_pair(picture[24:-24, 24:-24], 10_000)
    moved = picture[24 + 4 * down :, 24 + 4 * across :][: 4 * height, : 4 * width]
    assert shift(lr, moved) == pytest.approx(np.hypot(down, across), abs=0.25)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2)])
def test_flat_and_tiny_pictures_are_nowhere_in_particular(size):
    lr = np.full((*size, 3), 9, np.uint8)
    assert shift(lr, lr.repeat(4, 0).repeat(4, 1)) == 0
    hr = texture(size[0] * 4, size[1] * 4)
    assert np.isfinite(shift(hr[::4, ::4], hr))
