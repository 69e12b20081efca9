"""The measures say of pictures with known faults what is known of them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging.jpeg_compression import blockiness
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import RuledSR
from deepart_assets.wikiart.sr.quality import (
    Quality,
    blank_share,
    measure,
    sharpness,
    true_resolution,
)
from deepart_assets_tests.wikiart.scans import KERNELS, enlarged, field, framed, jpeg

SAMPLE = sorted((PROJECT / "data" / "sample" / "paintings").glob("*.jpg"))
LEAST = RuledSR().minimal_resolution


def luma(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def paintings() -> list[np.ndarray]:
    return [np.asarray(Image.open(file).convert("RGB")) for file in SAMPLE]


# --- true resolution -----------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.floats(0.3, 2.4), st.integers(0, 99))
def test_a_power_law_has_no_end(exponent, seed):
    # However smooth: rounding to 8 bits is white noise and lies below it.
    assert true_resolution(luma(field(512, 512, exponent, seed=seed))) >= 0.95


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 2.2), st.floats(0.3, 0.9), st.integers(0, 99))
def test_the_end_of_the_spectrum_is_found(exponent, end, seed):
    # With steeper spectra the rounding to 8 bits is louder than the end.
    found = true_resolution(luma(field(512, 512, exponent, end, seed)))
    # 1/64 is one frequency; five are averaged.
    assert found == pytest.approx(end, abs=3 / 64)


@pytest.mark.parametrize("quality", [None, 75])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("factor", [2, 3])
def test_enlarged_paintings_are_rejected(paintings, factor, kernel, quality):
    found = [
        true_resolution(luma(jpeg(enlarged(painting, factor, kernel), quality)))
        for painting in paintings[::4]
    ]
    assert max(found) < LEAST


@pytest.mark.parametrize("kernel", KERNELS)
def test_less_enlarged_paintings_measure_less_than_genuine_ones(paintings, kernel):
    for painting in paintings[::2]:
        genuine = true_resolution(luma(painting))
        found = true_resolution(luma(enlarged(painting, 1.5, kernel)))
        assert found < 0.7
        assert found < genuine - 0.1 or genuine < 0.8


def test_genuine_paintings_pass(paintings):
    # Of the 14, which were compressed for this repository, one has 0.53.
    found = [true_resolution(luma(painting)) for painting in paintings]
    assert sorted(found)[0] >= 0.5 and sorted(found)[1] >= LEAST


def test_smooth_parts_do_not_condemn_a_genuine_painting(paintings):
    painting = paintings[8]
    assert true_resolution(luma(painting)) >= 0.95
    half = painting.copy()
    half[: len(half) * 2 // 3] = cv2.GaussianBlur(half, (0, 0), 12)[: len(half) * 2 // 3]
    assert true_resolution(luma(half)) >= 0.95


def test_scans_enlarged_in_one_direction_only():
    picture = field(512, 512, 1.5)
    wide = np.repeat(picture[:, ::2], 2, axis=1)
    tall = np.repeat(picture[::2], 2, axis=0)
    assert true_resolution(luma(wide)) == pytest.approx(0.5, abs=0.02)
    assert true_resolution(luma(tall)) == pytest.approx(0.5, abs=0.02)


def test_one_flat_colour_has_no_end():
    assert true_resolution(np.full((256, 300), 90, np.uint8)) == 1.0


# --- sharpness -----------------------------------------------------------------------------------


def test_white_noise_has_sixteen():
    noise = np.random.default_rng(0).normal(128, 20, (512, 512)).round().astype(np.uint8)
    assert sharpness(noise) == pytest.approx(16, rel=0.06)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.3, 1.5), st.integers(-40, 40))
def test_contrast_and_brightness_change_nothing(contrast, brightness):
    grey = luma(field(512, 512, 1.2)).astype(float)
    grey = 128 + (grey - 128) * 0.5
    changed = np.clip(128 + brightness + (grey - 128) * contrast, 0, 255)
    assert sharpness(changed.round().astype(np.uint8)) == pytest.approx(
        sharpness(grey.round().astype(np.uint8)), rel=0.04
    )


def test_blurring_lowers_sharpness_step_by_step(paintings):
    for painting in paintings[::4]:
        grey = luma(painting)
        found = [sharpness(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
        assert [sharpness(grey), *found] == sorted([sharpness(grey), *found], reverse=True)


# --- blocks --------------------------------------------------------------------------------------

QUALITIES = [95, 90, 80, 70, 60, 50, 40, 30, 20, 10]


@pytest.mark.parametrize("exponent", [1.2, 2.0])
def test_blockiness_rises_as_quality_falls(exponent):
    picture = field(768, 640, exponent)
    found = [blockiness(luma(jpeg(picture, quality))) for quality in QUALITIES]
    assert blockiness(luma(picture)) < 1.02
    assert found == sorted(found)
    assert found[0] < 1.1 and found[-1] > 1.5


@pytest.mark.parametrize(("top", "left"), [(1, 0), (3, 5), (7, 7)])
def test_a_shifted_grid_is_found(top, left):
    picture = luma(jpeg(field(768, 640, 1.6), 50))
    assert blockiness(picture[top:, left:]) == pytest.approx(blockiness(picture), rel=0.02)


def test_paintings_compressed_hard_are_rejected(paintings):
    for painting in paintings[::4]:
        # Reduced to half, what compression there was is gone.
        small = cv2.resize(painting, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found = [blockiness(luma(jpeg(small, quality))) for quality in (None, 90, 75, 50, 30, 10)]
        assert found[1:] == sorted(found[1:])
        assert found[0] < 1.15 and found[-1] > RuledSR().maximal_blockiness


# --- blank areas ---------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [None, 95, 75])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_flat_areas_are_blank(share, quality):
    picture = field(640, 512, 1.6)
    picture[: int(640 * share)] = (236, 232, 221)
    assert blank_share(luma(jpeg(picture, quality))) == pytest.approx(share, abs=0.05)


def test_paintings_are_not_blank(paintings):
    # One of them is a Rembrandt before a dark ground, compressed: 0.38.
    assert max(blank_share(luma(painting)) for painting in paintings) < RuledSR().maximal_blank


def test_sky_with_a_little_grain_is_not_blank():
    grain = np.random.default_rng(0).normal(200, 1.5, (256, 256)).round().astype(np.uint8)
    assert blank_share(grain) == 0


# --- together ------------------------------------------------------------------------------------


def test_every_fault_lowers_the_score(paintings):
    for painting in paintings[::3]:
        height = len(painting)
        faults = {
            "enlarged": enlarged(painting, 2, "bicubic"),
            "compressed": jpeg(painting, 25),
            "blank": framed(painting, (0, height, 0, 0), (240, 240, 240)),
        }
        for name, worse in faults.items():
            assert measure(worse).score < 0.9 * measure(painting).score, name


@given(st.floats(0.01, 1), st.floats(0, 20), st.floats(1, 9), st.floats(0, 1))
def test_the_score_is_a_share(resolution, sharp, blocks, blank):
    assert 0 <= Quality(resolution, sharp, blocks, blank).score <= 1


def test_too_small_to_be_measured():
    with pytest.raises(PaintingError, match="less than 128 pixels"):
        measure(np.zeros((127, 500, 3), np.uint8))
