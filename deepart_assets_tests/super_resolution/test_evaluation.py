import cv2
import numpy as np
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation import (
    crops,
    evaluate,
    most_detailed,
    niqe,
    psnr_y,
    ssim_y,
)
from deepart_assets.super_resolution.pairs import Pair
from deepart_assets.super_resolution.upscaling import BicubicUpscaler

from .pictures import pair, some_pairs, texture


class Repeating:
    scale = 4

    def __call__(self, picture):
        return picture.repeat(4, axis=0).repeat(4, axis=1)


def y_channel(picture):
    """BT.601, studio range, in [16, 235]."""
    return 16 + picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def test_psnr_is_that_of_the_luma_inside_the_border():
    original = texture(60, 70)
    made = matlab_bicubic_enlarge(original[::4, ::4])[:60, :70]
    made[:4], made[:, :4] = 0, 0
    difference = (y_channel(made) - y_channel(original))[4:-4, 4:-4]
    expected = 20 * np.log10(255 / np.sqrt(np.mean(difference**2)))
    assert psnr_y(made, original) == pytest.approx(expected, abs=1e-3)


def test_the_luma_weighs_red_and_blue_as_rgb():
    grey, red, blue = (np.full((20, 20, 3), 100, np.uint8) for _ in range(3))
    red[..., 0] += 40
    blue[..., 2] += 40
    ratio = 20 * np.log10(65.481 / 24.966)
    assert psnr_y(blue, grey) - psnr_y(red, grey) == pytest.approx(ratio, abs=1e-3)


def test_equal_pictures_have_finite_figures():
    picture = texture(40, 40)
    assert psnr_y(picture, picture) == 100
    assert ssim_y(picture, picture) == pytest.approx(1)


def test_ssim_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    original = texture(80, 90)
    made = cv2.GaussianBlur(original, (0, 0), 1.5)
    inner = (slice(4, -4), slice(4, -4))
    _, values = metrics.structural_similarity(
        y_channel(made)[inner],
        y_channel(original)[inner],
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )
    assert ssim_y(made, original) == pytest.approx(values[5:-5, 5:-5].mean(), abs=1e-4)


def test_too_small_pictures_have_no_ssim_and_no_niqe():
    assert ssim_y(texture(18, 30), texture(18, 30)) is None
    assert niqe(texture(199, 300)) is None
    assert niqe(np.full((220, 220, 3), 128, np.uint8)) is None


def test_niqe_tells_noise_from_a_picture():
    picture = texture(300, 300)
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    assert niqe(noise) > niqe(picture) > 0


def test_rows_have_the_means_over_the_test_pairs():
    pairs = [*some_pairs(), pair("test", 21, 220, 240)]
    told = []
    upscalers = {"bicubic": BicubicUpscaler(), "repeated": Repeating()}
    rows = evaluate(pairs, upscalers, lambda *arguments: told.append(arguments))
    assert [row["name"] for row in rows] == ["bicubic", "repeated"]
    assert rows[0]["psnr_y"] > rows[1]["psnr_y"]
    assert rows[0]["ssim_y"] > rows[1]["ssim_y"]
    tests = [pair for pair in pairs if pair.split == "test"]
    each = [psnr_y(matlab_bicubic_enlarge(pair.lr), pair.hr) for pair in tests]
    assert rows[0]["psnr_y"] == pytest.approx(np.mean(each))
    # The smaller pair is too small for NIQE; the mean is over the other one.
    assert rows[0]["niqe"] == pytest.approx(niqe(matlab_bicubic_enlarge(tests[1].lr)))
    assert told == [(1, 4, "bicubic"), (2, 4, "bicubic"), (3, 4, "repeated"), (4, 4, "repeated")]


def test_no_test_pair_is_told_with_the_remedy():
    with pytest.raises(UnavailableError, match="third share"):
        evaluate(some_pairs()[:4], {"bicubic": BicubicUpscaler()})


def test_the_most_detailed_place_is_found():
    picture = np.full((60, 80, 3), 90, np.uint8)
    picture[30:40, 50:60] = texture(10, 10)
    top, left = most_detailed(picture, 12)
    assert 28 <= top <= 30
    assert 48 <= left <= 50
    assert most_detailed(texture(12, 12), 12) == (0, 0)


def test_crops_show_the_same_place_in_every_picture():
    hr = texture(400, 480)
    pair = Pair("a", "test", np.ascontiguousarray(hr[2::4, 2::4]), hr)
    sheet = crops(pair, {"repeated": Repeating()}, side=64)
    top, left = most_detailed(pair.lr, 16)
    plain = hr[4 * top : 4 * top + 64, 4 * left : 4 * left + 64]
    low = plain[2::4, 2::4].repeat(4, axis=0).repeat(4, axis=1)
    assert contains(sheet, plain) == 1
    # Both the low resolution and what the "upscaler" repeats.
    assert contains(sheet, low) == 2


def contains(sheet, part):
    """How often `part` is in `sheet`, pixel by pixel."""
    height, width = part.shape[:2]
    starts = np.argwhere((sheet == part[0, 0]).all(axis=2))
    return sum(np.array_equal(sheet[y : y + height, x : x + width], part) for y, x in starts)


def test_crops_of_a_picture_smaller_than_the_detail():
    sheet = crops(pair("test", 1, 64, 72), {"bicubic": BicubicUpscaler()}, side=256)
    assert sheet.ndim == 3
