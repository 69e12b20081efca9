"""PSNR, SSIM and NIQE compared with scikit-image and with their definitions."""

import warnings

import cv2
import numpy as np
import pytest

from deepart_assets.compat import prepare
from deepart_assets.super_resolution.data.degradation import (
    matlab_bicubic_enlarge,
)
from deepart_assets.super_resolution.evaluation.metrics import (
    niqe,
    psnr_rgb,
    psnr_y,
    ssim_rgb,
    ssim_y,
)

from .pictures import texture
from .shipped import NAMES, middle_of

prepare()

from basicsr.metrics.niqe import calculate_niqe  # noqa: E402

INNER = (slice(4, -4), slice(4, -4))


def y_channel(picture):
    """BT.601, studio range, in [16, 235]."""
    return 16 + picture.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def bgr(picture):
    return np.ascontiguousarray(picture[..., ::-1])


def basicsr_niqe(picture):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(calculate_niqe(bgr(picture), 4))


def distort(picture, way, strength, seed=0):
    if way == "blur":
        return cv2.GaussianBlur(picture, (0, 0), 0.3 + 3 * strength)
    if way == "noise":
        noise = np.random.default_rng(seed).normal(0, 0.2 + 40 * strength, picture.shape)
        return np.clip(np.round(picture + noise), 0, 255).astype(np.uint8)
    if way == "jpeg":
        quality = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 80 * strength)]
        return cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return np.clip(picture.astype(int) + round(30 * strength), 0, 255).astype(np.uint8)


def test_niqe_takes_rgb_also_where_parts_have_no_texture():
    picture = middle_of(NAMES[0], 400).copy()
    picture[:150] = 128
    assert niqe(picture) == pytest.approx(basicsr_niqe(picture), abs=1e-4)


def test_psnr_is_that_of_the_luma_inside_the_border():
    original = texture(60, 70)
    made = matlab_bicubic_enlarge(original[::4, ::4])[:60, :70]
    made[:4], made[:, :4] = 0, 0
    difference = (y_channel(made) - y_channel(original))[INNER]
    expected = 20 * np.log10(255 / np.sqrt(np.mean(difference**2)))
    assert psnr_y(made, original) == pytest.approx(expected, abs=1e-3)


def test_psnr_and_ssim_on_rgb_are_those_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    original = middle_of(NAMES[5], 120)
    made = distort(original, "blur", 0.4)
    a, b = made[INNER], original[INNER]
    assert psnr_rgb(made, original) == pytest.approx(
        metrics.peak_signal_noise_ratio(b, a, data_range=255), abs=1e-4
    )
    _, values = metrics.structural_similarity(
        a.astype(float),
        b.astype(float),
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )
    assert ssim_rgb(made, original) == pytest.approx(values[5:-5, 5:-5].mean(), abs=1e-4)


def test_ssim_on_y_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    original = texture(80, 90)
    made = cv2.GaussianBlur(original, (0, 0), 1.5)
    _, values = metrics.structural_similarity(
        y_channel(made)[INNER],
        y_channel(original)[INNER],
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )
    assert ssim_y(made, original) == pytest.approx(values[5:-5, 5:-5].mean(), abs=1e-4)


def test_the_luma_weighs_red_and_blue_as_rgb():
    grey, red, blue = (np.full((20, 20, 3), 100, np.uint8) for _ in range(3))
    red[..., 0] += 40
    blue[..., 2] += 40
    ratio = 20 * np.log10(65.481 / 24.966)
    assert psnr_y(blue, grey) - psnr_y(red, grey) == pytest.approx(ratio, abs=1e-3)
    assert psnr_rgb(blue, grey) == psnr_rgb(red, grey)


def test_equal_pictures_have_finite_figures():
    picture = texture(40, 40)
    assert psnr_y(picture, picture) == psnr_rgb(picture, picture) == 100
    assert ssim_y(picture, picture) == pytest.approx(1)
    assert ssim_rgb(picture, picture) == pytest.approx(1)


def test_too_small_pictures_have_no_ssim_and_no_niqe():
    for ssim in (ssim_y, ssim_rgb):
        assert ssim(texture(18, 30), texture(18, 30)) is None
        assert ssim(texture(19, 30), texture(19, 30)) == pytest.approx(1)
    assert niqe(texture(199, 300)) is None
    assert niqe(np.full((220, 220, 3), 128, np.uint8)) is None


def test_niqe_tells_noise_from_a_picture():
    picture = texture(300, 300)
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    assert niqe(noise) > niqe(picture) > 0
