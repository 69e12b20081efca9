"""What the project claims of its ×4 networks, and whether an evaluation's figures bear it out.

Only what a network is trained for is claimed:

* the base, trained with the pixel loss, is more faithful than bicubic: a higher mean PSNR-Y;
* Art ESRGAN is more natural than the base and than bicubic: a lower mean NIQE than either. It does
  not claim to be more faithful: no network can be better at both (Blau and Michaeli 2018);
* neither shifts colours nor draws patterns of its own grid, on any painting.

Interpolations are measured, but nothing is claimed of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.super_resolution.evaluation.candidates import BASE, BICUBIC, GAN
from deepart_assets.super_resolution.evaluation.comparison import Comparison

Figures = Mapping[str, Any]

OURS = (BASE, GAN)


@dataclass(frozen=True)
class Claim:
    """A statement about a comparison."""

    name: str
    statement: str
    fault: Callable[[Comparison, Evaluation], str | None]
    """Returns the evidence against it, or None, also if a figure could not be measured."""


def faults(comparison: Comparison, choice: Evaluation) -> dict[str, str]:
    """Return the evidence against each claim that does not hold, by its name."""
    found = {claim.name: claim.fault(comparison, choice) for claim in CLAIMS}
    return {name: fault for name, fault in found.items() if fault is not None}


def worst_artefacts(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row per upscaler: its largest colour shift and grid pattern, and their paintings.

    The pattern is the excess over the original's, in grey levels, at least 0.
    """
    rows = []
    for name in dict.fromkeys(each["upscaler"] for each in comparison.paintings):
        own = [each for each in comparison.paintings if each["upscaler"] == name]
        worst_shift, worst_pattern = max(own, key=_shift), max(own, key=_beyond_original)
        rows.append(
            {
                "name": name,
                "colour_shift": _shift(worst_shift),
                "colour_shift_at": worst_shift["painting"],
                "checkerboard": max(0.0, _beyond_original(worst_pattern)),
                "checkerboard_at": worst_pattern["painting"],
            }
        )
    return rows


def _base_is_faithful(comparison: Comparison, choice: Evaluation) -> str | None:
    base, bicubic = (_row(comparison, name)["psnr_y"] for name in (BASE, BICUBIC))
    if base > bicubic:
        return None
    return f"PSNR-Y of {BASE} is {base:.2f} dB, of bicubic {bicubic:.2f} dB"


def _gan_is_natural(comparison: Comparison, choice: Evaluation) -> str | None:
    ours = _row(comparison, GAN)["niqe"]
    others = {name: _row(comparison, name)["niqe"] for name in (BICUBIC, BASE)}
    better = {
        name: value for name, value in others.items() if None not in (ours, value) and value <= ours
    }
    if not better:
        return None
    listed = ", ".join(f"of {name} {value:.2f}" for name, value in better.items())
    return f"NIQE of {GAN} is {ours:.2f}, {listed}"


def _no_colour_shift(comparison: Comparison, choice: Evaluation) -> str | None:
    return _beyond(comparison, _shift, choice.colour_shift, "ΔE*ab")


def _no_checkerboard(comparison: Comparison, choice: Evaluation) -> str | None:
    return _beyond(comparison, _beyond_original, choice.checkerboard, "grey levels")


def _beyond(
    comparison: Comparison, value: Callable[[Figures], float], limit: float, unit: str
) -> str | None:
    """Return which results of our networks exceed a limit, or None."""
    ours = [each for each in comparison.paintings if each["upscaler"] in OURS]
    above = sorted((each for each in ours if value(each) > limit), key=value, reverse=True)
    if not above:
        return None
    listed = ", ".join(f"{each['name']} {value(each):.2f}" for each in above[:5])
    return f"{len(above)} of {len(ours)} results above {limit:g} {unit}: {listed}"


def _shift(figures: Figures) -> float:
    return float(figures["colour_shift"])


def _beyond_original(figures: Figures) -> float:
    return float(figures["checkerboard"] - figures["checkerboard_original"])


def _row(comparison: Comparison, name: str) -> Figures:
    return next(row for row in comparison.rows if row["name"] == name)


CLAIMS = (
    Claim(
        "base_is_faithful",
        "The base has a higher mean PSNR-Y than bicubic.",
        _base_is_faithful,
    ),
    Claim(
        "art_esrgan_is_natural",
        "Art ESRGAN has a lower mean NIQE than the base and than bicubic.",
        _gan_is_natural,
    ),
    Claim(
        "no_colour_shift",
        "On no painting does the base or Art ESRGAN shift colours against the low resolution by"
        " more than super_resolution.evaluation.colour_shift (mean ΔE*ab of areas of 32 pixels).",
        _no_colour_shift,
    ),
    Claim(
        "no_checkerboard",
        "On no painting does the base or Art ESRGAN draw patterns of the ×4 grid stronger than the"
        " original's by more than super_resolution.evaluation.checkerboard (grey levels).",
        _no_checkerboard,
    ),
)
