"""Measures of what a ×4 network must not do: shift colours, or draw patterns of its own grid.

The limits are in `settings.evaluation`, the claims in `claims`.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data.degradation import SCALE, matlab_bicubic_reduce

AREA = 8
"""Side in LR pixels of the areas whose colours are compared (32 in the result). Single pixels
differ where an edge is sharper; a wrong colour covers areas."""

WINDOW = 32
"""Side in pixels of the windows whose spectra are averaged; a multiple of 4."""


def colour_shift(made: NDArray[np.uint8], lr: NDArray[np.uint8]) -> float:
    """Return the mean colour difference between an upscaled picture and its LR input.

    The result is reduced by MATLAB's bicubic, both are averaged in CIELAB (D65) over areas of 8 LR
    pixels, and the distances of the areas are averaged, so that opposite shifts in two places do
    not cancel out.

    Args:
        made: uint8, 4h×4w×3.
        lr: uint8, h×w×3.

    Returns:
        ΔE*ab (CIE 1976); 0 for equal colours, about 2.3 is a just noticeable difference (Mahy, Van
        Eycken and Oosterlinck 1994).
    """
    difference = _lab_areas(matlab_bicubic_reduce(made)) - _lab_areas(lr)
    return float(np.linalg.norm(difference, axis=2).mean())


def checkerboard(picture: NDArray[np.uint8]) -> float:
    """Return the strength of patterns that repeat with the grid of a ×4 enlargement.

    A network that upscales twice by 2 may treat the 2×2 or 4×4 pixels of one input pixel unequally
    (Odena, Dumoulin and Olah 2016). That gives lines in the spectrum at the 15 frequencies (i/4,
    j/4) per pixel, while a texture has power around them too. The measure sums the power of the
    lines above their surroundings, in the mean over windows of 32 pixels. A line counts if it
    exceeds three standard errors of this mean, because the windows of a lively painting differ by
    more than a faint pattern adds.

    Args:
        picture: uint8, H×W×3.

    Returns:
        Root mean square of the pattern's luma in grey levels: c for a chequerboard of ±c. 0 for a
        picture smaller than two windows.
    """
    spectra = _spectra(picture)
    if len(spectra) < 2:
        return 0.0
    mean = spectra.mean(axis=0, dtype=np.float64)
    error = spectra.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(len(spectra))
    step = WINDOW // SCALE
    lines = [(i * step, j * step) for i in range(SCALE) for j in range(SCALE) if i or j]
    above = {line: _above_surroundings(mean, *line) for line in lines}
    return float(np.sqrt(sum(power for line, power in above.items() if power > 3 * error[line])))


def _lab_areas(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    size = tuple(max(1, length // AREA) for length in reversed(picture.shape[:2]))
    return np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA))


def _spectra(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the periodogram of each window's luma: N×WINDOW×WINDOW.

    The bin of a line holds the mean square of its wave.
    """
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    rows, columns = (length // WINDOW for length in grey.shape)
    cut = grey[: rows * WINDOW, : columns * WINDOW].reshape(rows, WINDOW, columns, WINDOW)
    windows = cut.transpose(0, 2, 1, 3).reshape(-1, WINDOW, WINDOW)
    # With Hann's window other waves leak into two neighbouring bins only.
    taper = np.hanning(WINDOW + 1)[:-1]
    taper = np.outer(taper, taper) / taper.mean() ** 2
    spectra = np.empty(windows.shape, np.float32)
    for first in range(0, len(windows), 1024):  # limits the memory for complex numbers
        some = slice(first, first + 1024)
        even = windows[some] - windows[some].mean(axis=(1, 2), keepdims=True)
        spectra[some] = np.abs(np.fft.fft2(even * taper)) ** 2 / WINDOW**4
    return spectra


def _above_surroundings(spectrum: NDArray[np.float64], row: int, column: int) -> float:
    """Return the power of a bin above the median of the bins two and three away.

    On an axis of the spectrum, where vertical and horizontal brushwork and canvas concentrate,
    these are the bins along the axis; elsewhere all around.
    """
    down = range(-3, 4) if row else [0]
    across = range(-3, 4) if column else [0]
    beside = [
        spectrum[(row + i) % WINDOW, (column + j) % WINDOW]
        for i, j in product(down, across)
        if max(abs(i), abs(j)) >= 2
    ]
    return float(spectrum[row, column] - np.median(beside))
