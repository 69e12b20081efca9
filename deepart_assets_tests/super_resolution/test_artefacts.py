"""Colour shifts and patterns of the grid: found where they are, and not where they are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import (
    matlab_bicubic_enlarge,
    matlab_bicubic_reduce,
)
from deepart_assets.super_resolution.evaluation.artefacts import checkerboard, colour_shift
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler

from .shipped import NAMES, middle_of, painting

LIMITS = Evaluation()
SIDE = 256

BOARDS = {
    "single pixels": np.array([[1, -1, 1, -1], [-1, 1, -1, 1]] * 2),
    "columns of one": np.array([[1, -1, 1, -1]] * 4),
    "rows of two": np.array([[1, 1, -1, -1]] * 4).T,
    "squares of two": np.array([[1, 1, -1, -1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, 1, 1]]),
}
"""The tiles of patterns of mean 0 and root mean square 1 that repeat after 2 or 4 pixels."""


def changed(picture, change):
    return np.clip(np.round(picture + change), 0, 255).astype(np.uint8)


def with_board(picture, tile, amplitude):
    height, width = picture.shape[:2]
    board = np.tile(tile, (height // 4, width // 4))
    return changed(picture.astype(float), amplitude * board[..., None])


@pytest.fixture(scope="module")
def upscaled():
    """Each shipped painting's middle: LR, bicubic, the bundled network's."""
    weights = (PROJECT / "data" / "models" / "art_psnr_32_6.safetensors").read_bytes()
    network = NetworkUpscaler(weights, Upscaling())
    made = {}
    for name in NAMES:
        hr = middle_of(name, SIDE)
        lr = matlab_bicubic_reduce(hr)
        made[name] = lr, matlab_bicubic_enlarge(lr), network(lr)
    return made


@pytest.mark.slow
def test_clean_enlargements_are_no_false_alarm(upscaled):
    for name, (lr, bicubic, network) in upscaled.items():
        for result in (bicubic, network):
            assert colour_shift(result, lr) < 0.15, name
            assert checkerboard(result) < 0.1, name


@pytest.mark.parametrize("name", NAMES)
def test_paintings_have_no_pattern_of_the_grid(name):
    assert checkerboard(painting(name)) < 0.1
    assert colour_shift(painting(name), matlab_bicubic_reduce(painting(name))) == 0


@given(
    st.sampled_from(NAMES),
    st.sampled_from(list(BOARDS)),
    st.floats(1, 8),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_pattern_of_one_grey_level_is_found_and_of_two_on_brushwork(
    name, tile, amplitude, shift, lively
):
    """On smooth results; of two levels on all the brushwork and grain of an original."""
    hr = middle_of(name, SIDE)
    amplitude *= 2 if lively else 1
    clean = hr if lively else matlab_bicubic_enlarge(matlab_bicubic_reduce(hr))
    made = with_board(clean, np.roll(BOARDS[tile], shift, (0, 1)), amplitude)
    found = checkerboard(made)
    assert found > checkerboard(hr) + LIMITS.checkerboard
    # In its unit: that of what was added, after rounding and clipping.
    added = np.sqrt(np.mean((made.astype(float) - clean) ** 2))
    assert found == pytest.approx(added, rel=0.2, abs=0.3)


@given(st.sampled_from(NAMES), st.integers(5, 15))
@settings(max_examples=20, deadline=None)
def test_patterns_of_other_periods_are_no_matter_of_the_grid(name, period):
    if period in (8, 12):  # their harmonics are the grid's
        return
    clean = matlab_bicubic_enlarge(matlab_bicubic_reduce(middle_of(name, SIDE)))
    wave = 3 * np.cos(2 * np.pi * np.arange(SIDE) / period)
    assert checkerboard(changed(clean.astype(float), wave[None, :, None])) < 0.6


def test_a_network_that_enlarges_by_uneven_transposed_convolution_is_found():
    # Odena et al. 2016: kernel 3, stride 2: every other pixel gets two taps, its neighbours one.
    import torch

    hr = middle_of(NAMES[1], SIDE)
    lr = matlab_bicubic_reduce(hr)
    x = torch.from_numpy(lr.astype(np.float32)).permute(2, 0, 1)[:, None]
    kernel = torch.tensor([0.52, 1.0, 0.52])
    weight = (kernel[:, None] * kernel[None])[None, None]
    for _ in range(2):
        x = torch.nn.functional.conv_transpose2d(x, weight, stride=2, padding=1, output_padding=1)
    made = changed(x[:, 0].permute(1, 2, 0).numpy(), 0)
    assert checkerboard(made) > checkerboard(hr) + LIMITS.checkerboard


@given(st.integers(0, 1000), st.floats(1, 40), st.integers(64, 320))
@settings(max_examples=25, deadline=None)
def test_noise_is_no_pattern(seed, deviation, side):
    noise = np.random.default_rng(seed).normal(0, deviation, (side, side, 1)).repeat(3, axis=2)
    # Some of fifteen lines stand out by chance; never as an even pattern of this noise would.
    assert checkerboard(changed(np.full((side, side, 3), 128.0), noise)) < 0.15 * deviation


def test_too_small_a_picture_has_no_pattern():
    assert checkerboard(with_board(np.full((28, 64, 3), 99), BOARDS["single pixels"], 5)) == 0


@given(
    st.sampled_from(NAMES),
    st.integers(5, 20),
    st.sampled_from([1, -1]),
    st.sampled_from([(1, 1, 1), (0, 1, 0), (0, 0, 1)]),
)
@settings(max_examples=40, deadline=None)
def test_a_cast_of_five_levels_is_found(name, levels, sign, channels):
    lr = matlab_bicubic_reduce(middle_of(name, SIDE))
    made = changed(matlab_bicubic_enlarge(lr).astype(int), sign * levels * np.array(channels))
    dark_or_bright = np.mean((lr < 24) | (lr > 231)) > 0.25  # where it is clipped away
    assert dark_or_bright or colour_shift(made, lr) > LIMITS.colour_shift


def test_opposite_casts_do_not_cancel_out():
    lr = matlab_bicubic_reduce(middle_of(NAMES[2], SIDE))
    cast = np.zeros((SIDE, SIDE, 3))
    cast[:, : SIDE // 2], cast[:, SIDE // 2 :] = 6, -6
    assert colour_shift(changed(matlab_bicubic_enlarge(lr), cast), lr) > LIMITS.colour_shift


def test_the_shift_is_a_difference_of_colours_as_the_cie_has_it():
    # sRGB (119, 119, 119) is L* 50.034, (122, 122, 122) 51.222; a* and b* are 0.
    lr = np.full((16, 16, 3), 119, np.uint8)
    assert colour_shift(np.full((64, 64, 3), 122, np.uint8), lr) == pytest.approx(1.19, abs=0.01)


def test_sharper_edges_are_no_shift_of_colour():
    hr = middle_of(NAMES[4], SIDE)
    lr = matlab_bicubic_reduce(hr)
    soft = matlab_bicubic_enlarge(lr)
    assert colour_shift(changed(hr, hr.astype(int) - soft), lr) < LIMITS.colour_shift / 3
