"""NIQE (Mittal, Soundararajan and Bovik 2013).

Belongs here: the features, and their distance to those of natural pictures. Does not belong here:
borders and colours (`metrics`).

The model of natural pictures is the authors', out of basicsr, whose function this agrees with to
1e-4. That one computes the table of shapes anew for each of some thousand fits; here it is kept.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare

BLOCK = 96
"""Pixels a side, as in the model of natural pictures."""

_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Neighbours whose products are looked at: across, down and both diagonals."""

Array = NDArray[np.floating]


def niqe_of_luma(luma: NDArray[np.float32]) -> float | None:
    """Return NIQE of whole grey levels, float32 H×W in [0, 255]; lower is more natural.

    What is left over beyond whole blocks is not looked at. None where no distribution can be
    fitted: fewer than two blocks with texture.
    """
    rows, columns = (length // BLOCK for length in luma.shape)
    if rows * columns < 2:
        return None
    picture = luma[: rows * BLOCK, : columns * BLOCK]
    with np.errstate(all="ignore"):  # blocks without texture divide by zero and are left out
        features = np.concatenate(
            [
                _features(_blocks(_normalised(picture), rows, columns)),
                _features(_blocks(_normalised(_halved(picture)), rows, columns)),
            ],
            axis=1,
        )
        textured = features[~np.isnan(features).any(axis=1)]
        if len(textured) < 2:
            return None
        model_mean, model_covariance, _ = _model()
        difference = model_mean.ravel() - np.nanmean(features, axis=0)
        covariance = (model_covariance + np.cov(textured, rowvar=False)) / 2
        try:
            inverse = np.linalg.pinv(covariance)
        except np.linalg.LinAlgError:
            return None
        value = float(np.sqrt(difference @ inverse @ difference))
    return value if np.isfinite(value) else None


@cache
def _model() -> tuple[Array, Array, Array]:
    """Mean (36) and covariance (36×36) of natural pictures' features, and the 7×7 window."""
    package = importlib.util.find_spec("basicsr")
    assert package is not None and package.origin is not None  # a dependency of the project
    with np.load(Path(package.origin).parent / "metrics" / "niqe_pris_params.npz") as stored:
        return stored["mu_pris_param"], stored["cov_pris_param"], stored["gaussian_window"]


@cache
def _shapes() -> tuple[Array, Array]:
    """Shapes α of generalised Gaussians, and Γ(2/α)² / (Γ(1/α) Γ(3/α)) of each, ascending."""
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.001, 0.001)
    inverse = 1 / shapes
    return shapes, gamma(2 * inverse) ** 2 / (gamma(inverse) * gamma(3 * inverse))


def _normalised(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract the local mean and divide by the local deviation plus 1 (eq. 1)."""
    import cv2

    # The window is a Gaussian's, an outer product: a row and a column do for it. Sums in double
    # precision, then rounded to single: in even areas the deviation is what rounding leaves.
    _, _, window = _model()
    line = np.sqrt(np.diag(window))

    def smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = values.astype(np.float64)
        blurred = cv2.sepFilter2D(wide, cv2.CV_64F, line, line, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, np.float32)

    mean = smooth(picture)
    deviation = np.sqrt(np.abs(smooth(np.square(picture)) - np.square(mean)))
    return np.asarray((picture - mean) / (deviation + 1))


def _halved(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Halve both sides as MATLAB's imresize does (bicubic, widened kernel)."""
    prepare()
    from basicsr.utils.matlab_functions import imresize

    return np.asarray(imresize(picture / np.float32(255), scale=0.5, antialiasing=True) * 255)


def _blocks(picture: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Cut H×W into N×h×w, column by column."""
    height, width = picture.shape[0] // rows, picture.shape[1] // columns
    cut = picture.reshape(rows, height, columns, width).transpose(2, 0, 1, 3)
    return cut.reshape(rows * columns, height, width)


def _features(blocks: NDArray[np.float32]) -> Array:
    """Return the 18 features of each block (section II): N×18."""
    from scipy.special import gamma

    shape, left, right = _fit(blocks)
    found = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        mean = (right - left) * (gamma(2 / shape) / gamma(1 / shape))  # eq. 8
        found += [shape, mean, left, right]
    return np.stack(found, axis=1)


def _fit(blocks: NDArray[np.float32]) -> tuple[Array, Array, Array]:
    """Fit an asymmetric generalised Gaussian to each block by its moments (eq. 7)."""
    from scipy.special import gamma

    left, right, wanted = np.array([_moments(block.ravel()) for block in blocks]).T
    shapes, table = _shapes()
    nearest = np.searchsorted((table[1:] + table[:-1]) / 2, wanted)
    shape = shapes[np.where(np.isnan(wanted), 0, nearest)]  # where nothing fits: the first
    width = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * width, right * width


def _moments(values: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the deviations below and above 0, and what the shape is looked up by.

    In single precision, as in basicsr: the shapes lie so close together that the last digit decides
    between two of them here and there, which NIQE shows in its fourth decimal.
    """
    left = np.sqrt(_mean(np.square(values[values < 0])))
    right = np.sqrt(_mean(np.square(values[values > 0])))
    ratio = left / right
    spread = _mean(np.abs(values)) ** 2 / _mean(np.square(values))
    return left, right, (spread * (ratio**3 + 1) * (ratio + 1)) / (ratio**2 + 1) ** 2


def _mean(values: NDArray[np.float32]) -> np.float32:
    """Return the mean, or NaN without a warning where there is nothing."""
    return np.float32(values.mean()) if values.size else np.float32(np.nan)
