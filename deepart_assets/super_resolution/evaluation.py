"""How good an upscaler is, on paintings whose original is known.

Belongs here: metrics, the table of a comparison, the picture of one. Does not belong here: training
and the upscalers themselves.

PSNR and SSIM are taken as in the papers: on the Y channel of BT.601, without the outermost 4
pixels. The functions are basicsr's.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import contact_sheet
from deepart_assets.super_resolution.degradation import SCALE
from deepart_assets.super_resolution.pairs import Pair, of_split
from deepart_assets.super_resolution.upscaling import Upscaler

BORDER = SCALE
"""Pixels left out on all sides, where padding decides."""

NIQE_SIDE = 2 * 96 + 2 * BORDER
"""NIQE fits a distribution to blocks of 96 pixels: fewer than two by two tell nothing."""

SSIM_SIDE = 11 + 2 * BORDER
"""SSIM's window is 11 pixels wide."""


def psnr_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of uint8 H×W×3 in dB, at most 100.

    Equal pictures have an infinite one, which neither a mean nor JSON can hold.
    """
    prepare()
    from basicsr.metrics.psnr_ssim import calculate_psnr

    value = calculate_psnr(_bgr(made), _bgr(original), BORDER, test_y_channel=True)
    return min(100.0, float(value))


def ssim_y(made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
    """Return the structural similarity (Wang et al. 2004) in [-1, 1]; None below 19 pixels."""
    prepare()
    from basicsr.metrics.psnr_ssim import calculate_ssim

    if min(made.shape[:2]) < SSIM_SIDE:
        return None
    return float(calculate_ssim(_bgr(made), _bgr(original), BORDER, test_y_channel=True))


def niqe(picture: NDArray[np.uint8]) -> float | None:
    """Return NIQE (Mittal et al. 2013), which needs no original; lower is better.

    None for pictures below 200 pixels a side and those without any texture.
    """
    prepare()
    from basicsr.metrics.niqe import calculate_niqe

    if min(picture.shape[:2]) < NIQE_SIDE:
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # blocks without texture
        try:
            value = float(calculate_niqe(_bgr(picture), BORDER))
        except np.linalg.LinAlgError:  # flat pictures have no distribution to fit
            return None
    return value if np.isfinite(value) else None


def evaluate(
    pairs: Sequence[Pair],
    upscalers: Mapping[str, Upscaler],
    report: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> list[dict[str, Any]]:
    """Upscale the LR of the test pairs with each upscaler and compare with HR.

    Args:
        pairs: Those of the split "test" are used.
        upscalers: By the name for the table, in its order.
        report: Called with (pictures done, pictures in all, name) after each picture.

    Returns:
        A row an upscaler: name; psnr_y in dB, ssim_y and niqe, means over the pairs (None where no
        pair is large enough); seconds, the mean time to upscale one picture.

    Raises:
        UnavailableError: There is no test pair.
    """
    tests = of_split(pairs, "test")
    if not tests:
        raise UnavailableError(
            "no pair is in the test split: add paintings or raise the third share of"
            " super_resolution.data_set.split"
        )
    rows, done = [], 0
    for name, upscaler in upscalers.items():
        upscaler(tests[0].lr[:8, :8])  # loads the network before the clock runs
        figures: list[dict[str, float | None]] = []
        for pair in tests:
            start = time.perf_counter()
            made = upscaler(pair.lr)
            seconds = time.perf_counter() - start
            figures.append(
                {
                    "psnr_y": psnr_y(made, pair.hr),
                    "ssim_y": ssim_y(made, pair.hr),
                    "niqe": niqe(made),
                    "seconds": seconds,
                }
            )
            done += 1
            report(done, len(tests) * len(upscalers), name)
        means = {key: _mean([row[key] for row in figures]) for key in figures[0]}
        rows.append({"name": name, **means})
    return rows


def crops(
    pair: Pair, upscalers: Mapping[str, Upscaler], side: int = 256, title: str | None = None
) -> NDArray[np.uint8]:
    """Set one detail of a painting side by side: LR, each upscaler's result, the original.

    Args:
        pair: The painting.
        upscalers: By caption, in the order of the row.
        side: Side of the detail in HR pixels; it is where the painting has most detail.
        title: Line above the row; the pair's id where there is none.

    Returns:
        uint8, H×W×3: a captioned row, details at one pixel a pixel, LR enlarged by repetition.
    """
    side = min(side, *pair.hr.shape[:2]) // SCALE
    top, left = most_detailed(pair.lr, side)
    rows, columns = slice(top, top + side), slice(left, left + side)
    large = tuple(slice(span.start * SCALE, span.stop * SCALE) for span in (rows, columns))
    repeated = pair.lr[rows, columns].repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    cells = [("low resolution", repeated)]
    # A margin around the detail spares upscaling the whole painting for it.
    margin = 32
    above, before = max(0, top - margin), max(0, left - margin)
    window = pair.lr[above : rows.stop + margin, before : columns.stop + margin]
    for name, upscaler in upscalers.items():
        made = upscaler(window)
        at_row, at_column = (top - above) * SCALE, (left - before) * SCALE
        cell = made[at_row : at_row + side * SCALE, at_column : at_column + side * SCALE]
        cells.append((name, cell))
    cells.append(("original", pair.hr[large]))
    return contact_sheet(cells, title or pair.id, height=side * SCALE)


def most_detailed(picture: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Return top and left of the square of `side` pixels with the largest mean gradient."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    total = cv2.integral(np.hypot(across, down), sdepth=cv2.CV_64F)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(np.argmax(sums), sums.shape)
    return int(top), int(left)


def _bgr(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Basicsr computes Y from BGR."""
    return picture[..., ::-1]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
