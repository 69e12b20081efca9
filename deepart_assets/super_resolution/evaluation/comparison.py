"""Measuring upscalers on the paintings of the test split.

The figures are in `metrics`, `lpips` and `artefacts`, the claims about them in `claims`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.data.pairs import Pair, of_split
from deepart_assets.super_resolution.evaluation.artefacts import checkerboard, colour_shift
from deepart_assets.super_resolution.evaluation.crops import middle
from deepart_assets.super_resolution.evaluation.metrics import (
    mean,
    niqe,
    psnr_rgb,
    psnr_y,
    ssim_rgb,
    ssim_y,
)
from deepart_assets.super_resolution.upscaling.upscaler import Upscaler

Metric = Callable[[NDArray[np.uint8], NDArray[np.uint8]], float | None]


@dataclass(frozen=True)
class Comparison:
    """The figures of a comparison, as plain JSON values."""

    rows: list[dict[str, Any]]
    """A row per upscaler: name; psnr_y and psnr_rgb in dB, ssim_y, ssim_rgb, niqe and, if measured,
    lpips, means over the paintings (None if no painting is large enough); seconds, the mean time
    per painting."""
    paintings: list[dict[str, Any]]
    """A row per upscaler and painting: name ("upscaler/painting"), upscaler, painting, the figures
    above, colour_shift in ΔE*ab, and checkerboard in grey levels, of the result and
    (checkerboard_original) of the original."""
    originals: dict[str, float | None]
    """Means over the originals: niqe."""


def evaluate(
    pairs: Sequence[Pair],
    upscalers: Mapping[str, Callable[[], Upscaler]],
    *,
    crop: int | None = None,
    lpips: Metric | None = None,
    report: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Comparison:
    """Upscale the LR of the test pairs with each upscaler and compare with HR.

    Args:
        pairs: LR/HR pairs; uses the split "test".
        upscalers: Factories by name, in the order of the table.
        crop: Side in HR pixels of the centre to measure; None: the whole painting.
        lpips: LPIPS, if it is to be measured.
        report: Called with (pictures done, pictures in total, name) after each picture.

    Raises:
        UnavailableError: No pair is in the test split.
    """
    tests = of_split(pairs, "test")
    if not tests:
        raise UnavailableError(
            "no pair is in the test split: add paintings or raise the third share of"
            " super_resolution.data_set.split"
        )
    parts = [middle(pair, crop) for pair in tests]
    originals = [
        {"niqe": niqe(hr), "checkerboard": checkerboard(hr)}
        for hr in (part.hr(pair) for part, pair in zip(parts, tests, strict=True))
    ]
    rows, paintings = [], []
    for name, make in upscalers.items():
        upscaler = make()
        upscaler(tests[0].lr[:8, :8])  # loads the network, which is not timed
        measured: list[dict[str, float | None]] = []
        for pair, part, original in zip(tests, parts, originals, strict=True):
            start = time.perf_counter()
            made = part.enlarged(pair, upscaler)
            seconds = time.perf_counter() - start
            figures = {**_figures(made, part.hr(pair), lpips), "seconds": seconds}
            measured.append(figures)
            artefacts = {
                "colour_shift": colour_shift(made, part.lr(pair)),
                "checkerboard": checkerboard(made),
                "checkerboard_original": original["checkerboard"],
            }
            names = {"name": f"{name}/{pair.id}", "upscaler": name, "painting": pair.id}
            paintings.append({**names, **figures, **artefacts})
            report(len(paintings), len(tests) * len(upscalers), name)
        means = {key: mean([figures[key] for figures in measured]) for key in measured[0]}
        rows.append({"name": name, **means})
    return Comparison(rows, paintings, {"niqe": mean([each["niqe"] for each in originals])})


def _figures(
    made: NDArray[np.uint8], original: NDArray[np.uint8], lpips: Metric | None
) -> dict[str, float | None]:
    figures = {
        "psnr_y": psnr_y(made, original),
        "ssim_y": ssim_y(made, original),
        "psnr_rgb": psnr_rgb(made, original),
        "ssim_rgb": ssim_rgb(made, original),
        "niqe": niqe(made),
    }
    return figures if lpips is None else {**figures, "lpips": lpips(made, original)}
