"""PSNR, SSIM and NIQE of enlarged pictures, computed by BasicSR with the conventions of the papers.

The outermost 4 pixels are cropped. Y is the luma of BT.601 in studio range, [16, 235], as MATLAB's
rgb2ycbcr gives it. LPIPS is in `lpips`, colour shifts and grid patterns in `artefacts`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.super_resolution.data.degradation import SCALE

BORDER = SCALE
"""Pixels cropped on every side, where padding affects the result."""

NIQE_SIDE = 2 * 96 + 2 * BORDER
"""Smallest side for NIQE, which fits a distribution to blocks of 96 pixels: two by two at least."""

SSIM_SIDE = 11 + 2 * BORDER
"""Smallest side for SSIM, whose window is 11 pixels wide."""

MAX_PSNR = 100.0
"""PSNR of identical pictures in dB. It is infinite by definition, which neither a mean nor JSON can
hold."""


def psnr_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio on Y of uint8 H×W×3 (RGB) in dB, at most 100."""
    return _psnr(made, original, test_y_channel=True)


def psnr_rgb(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio over the three channels in dB, at most 100."""
    return _psnr(made, original, test_y_channel=False)


def ssim_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
    """Return SSIM on Y (Wang et al. 2004) in [-1, 1]; None below 19 pixels a side."""
    return _ssim(made, original, test_y_channel=True)


def ssim_rgb(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
    """Return the mean SSIM of the three channels in [-1, 1]; None below 19 pixels a side."""
    return _ssim(made, original, test_y_channel=False)


def niqe(picture: NDArray[np.uint8]) -> float | None:
    """Return NIQE (Mittal et al. 2013), which needs no original; lower is more natural.

    Args:
        picture: uint8, H×W×3 (RGB).

    Returns:
        The distance, or None if a side is below 200 pixels or fewer than two blocks have texture.
    """
    if min(picture.shape[:2]) < NIQE_SIDE:
        return None
    prepare()
    from basicsr.metrics.niqe import calculate_niqe

    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Blocks without texture divide by zero; BasicSR leaves them out.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            value = float(calculate_niqe(_bgr(picture), BORDER))
        except np.linalg.LinAlgError:  # too few blocks for a covariance
            return None
    return value if np.isfinite(value) else None


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the figures that could be measured; None if none could."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def inside(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture without its border."""
    return picture[BORDER:-BORDER, BORDER:-BORDER]


def _psnr(made: NDArray[np.uint8], original: NDArray[np.uint8], *, test_y_channel: bool) -> float:
    prepare()
    from basicsr.metrics.psnr_ssim import calculate_psnr

    pictures = _bgr(made), _bgr(original)
    return min(MAX_PSNR, float(calculate_psnr(*pictures, BORDER, test_y_channel=test_y_channel)))


def _ssim(
    made: NDArray[np.uint8], original: NDArray[np.uint8], *, test_y_channel: bool
) -> float | None:
    if min(made.shape[:2]) < SSIM_SIDE:
        return None
    prepare()
    from basicsr.metrics.psnr_ssim import calculate_ssim

    pictures = _bgr(made), _bgr(original)
    return float(calculate_ssim(*pictures, BORDER, test_y_channel=test_y_channel))


def _bgr(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(picture[..., ::-1])
