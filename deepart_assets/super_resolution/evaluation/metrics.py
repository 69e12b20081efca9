"""Figures of how good an enlarged picture is.

Belongs here: PSNR and SSIM beside an original, NIQE without one, and their border and colours. Does
not belong here: tables (`comparison`), LPIPS, which needs a network (`lpips`), patterns and colour
shifts (`artefacts`).

All are taken as in the papers: without the outermost 4 pixels; on Y the luma of BT.601 in studio
range, [16, 235], as MATLAB's rgb2ycbcr gives it, not rounded. They agree with basicsr's functions
to 1e-4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.evaluation.niqe import BLOCK, niqe_of_luma

BORDER = SCALE
"""Pixels left out on all sides, where padding decides."""

NIQE_SIDE = 2 * BLOCK + 2 * BORDER
"""NIQE fits a distribution to blocks of 96 pixels: fewer than two by two tell nothing."""

SSIM_WINDOW = 11
"""Pixels a side; a Gaussian of deviation 1.5."""

SSIM_SIDE = SSIM_WINDOW + 2 * BORDER

EQUAL = 100.0
"""PSNR of equal pictures in dB: theirs is infinite, which neither a mean nor JSON can hold."""


def psnr_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio on Y of uint8 H×W×3 in dB, at most 100."""
    return _psnr(_luma(inside(made)), _luma(inside(original)))


def psnr_rgb(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio over the three channels in dB, at most 100."""
    return _psnr(inside(made), inside(original))


def ssim_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
    """Return SSIM on Y (Wang et al. 2004) in [-1, 1]; None below 19 pixels a side."""
    if min(made.shape[:2]) < SSIM_SIDE:
        return None
    return _ssim(_luma(inside(made)), _luma(inside(original)))


def ssim_rgb(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
    """Return the mean of the three channels' SSIM in [-1, 1]; None below 19 pixels a side."""
    if min(made.shape[:2]) < SSIM_SIDE:
        return None
    first, second = inside(made), inside(original)
    return float(np.mean([_ssim(first[..., c], second[..., c]) for c in range(3)]))


def niqe(picture: NDArray[np.uint8]) -> float | None:
    """Return NIQE (Mittal et al. 2013), which needs no original; lower is more natural.

    None for pictures below 200 pixels a side and those without any texture.
    """
    if min(picture.shape[:2]) < NIQE_SIDE:
        return None
    return niqe_of_luma(np.round(_luma(inside(picture))))


def inside(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture without its border."""
    return picture[BORDER:-BORDER, BORDER:-BORDER]


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return Y of BT.601, H×W in [16, 235]; in single precision, as basicsr has it."""
    weights = np.array([65.481, 128.553, 24.966])
    values = np.dot(picture.astype(np.float32) / np.float32(255), weights) + 16.0
    return np.asarray((values / 255).astype(np.float32) * np.float32(255))


def _psnr(made: NDArray[np.number], original: NDArray[np.number]) -> float:
    error = float(np.mean(np.square(made.astype(np.float64) - original)))
    return EQUAL if error == 0 else min(EQUAL, 10 * float(np.log10(255**2 / error)))


def _ssim(made: NDArray[np.number], original: NDArray[np.number]) -> float:
    import cv2

    line = cv2.getGaussianKernel(SSIM_WINDOW, 1.5)
    edge = SSIM_WINDOW // 2

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        # The window is the outer product of its middle line with itself.
        smooth = cv2.sepFilter2D(values, cv2.CV_64F, line, line)
        return np.asarray(smooth[edge:-edge, edge:-edge])

    x, y = (np.ascontiguousarray(each, np.float64) for each in (made, original))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = mean(x), mean(y)
    both, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance, variances = mean(x * y) - both, mean(x * x + y * y) - squares
    values = (2 * both + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return float(values.mean())
