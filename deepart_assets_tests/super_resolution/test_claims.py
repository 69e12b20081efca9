"""What is claimed of the networks, and what speaks against it."""

import copy

import pytest

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.super_resolution.evaluation.claims import (
    CLAIMS,
    faults,
    worst_artefacts,
)
from deepart_assets.super_resolution.evaluation.comparison import Comparison

CHOICE = Evaluation()


def row(name, psnr, niqe):
    return {"name": name, "psnr_y": psnr, "niqe": niqe}


def result(upscaler, painting, shift=0.1, board=0.1, original=0.1):
    return {
        "name": f"{upscaler}/{painting}",
        "upscaler": upscaler,
        "painting": painting,
        "colour_shift": shift,
        "checkerboard": board,
        "checkerboard_original": original,
    }


@pytest.fixture
def good():
    rows = [row("bicubic", 30.0, 8.0), row("psnr_weights", 31.0, 7.0), row("art_esrgan", 29.0, 4.0)]
    names = ("bicubic", "psnr_weights", "art_esrgan", "interpolation 0.5")
    return Comparison(rows, [result(name, p) for name in names for p in ("a", "b")], {})


def found(comparison):
    return faults(comparison, CHOICE)


def test_where_all_hold_there_is_no_fault(good):
    assert found(good) == {}


def test_a_base_that_does_not_beat_bicubic_is_told(good):
    good.rows[1]["psnr_y"] = 30.0
    assert found(good) == {
        "base_is_faithful": "PSNR-Y of psnr_weights is 30.00 dB, of bicubic 30.00 dB"
    }


def test_art_esrgan_must_be_more_natural_than_both(good):
    good.rows[2]["niqe"] = 7.5
    reported = found(good)["art_esrgan_is_natural"]
    assert reported == "NIQE of art_esrgan is 7.50, of psnr_weights 7.00"
    good.rows[2]["niqe"] = 8.0
    assert "of bicubic 8.00" in found(good)["art_esrgan_is_natural"]


def test_what_could_not_be_measured_speaks_against_nothing(good):
    for each in good.rows:
        each["niqe"] = None
    assert found(good) == {}


@pytest.mark.parametrize(
    ("claim", "figure", "unit"),
    [("no_colour_shift", "colour_shift", "ΔE*ab"), ("no_checkerboard", "checkerboard", "grey")],
)
def test_one_painting_is_enough_and_it_is_named(good, claim, figure, unit):
    bad = copy.deepcopy(good)
    bad.paintings[5][figure] = 3.25
    reported = found(bad)
    assert list(reported) == [claim]
    assert "1 of 4 results above" in reported[claim]
    assert "art_esrgan/b" in reported[claim]
    assert unit in reported[claim]
    # Nothing is claimed of interpolations, nor of bicubic.
    bad = copy.deepcopy(good)
    bad.paintings[0][figure] = bad.paintings[7][figure] = 3.25
    assert found(bad) == {}


def test_a_pattern_that_the_original_has_too_is_no_fault(good):
    good.paintings[5] |= {"checkerboard": 2.0, "checkerboard_original": 1.9}
    assert found(good) == {}


def test_the_worst_painting_of_each_network_is_shown(good):
    good.paintings[5] |= {"colour_shift": 0.9}
    good.paintings[4] |= {"checkerboard": 0.4}
    table = {each["name"]: each for each in worst_artefacts(good)}
    assert list(table) == ["bicubic", "psnr_weights", "art_esrgan", "interpolation 0.5"]
    ours = table["art_esrgan"]
    assert (ours["colour_shift"], ours["colour_shift_at"]) == (0.9, "b")
    assert ours["checkerboard"] == pytest.approx(0.3)
    assert ours["checkerboard_at"] == "a"


def test_each_claim_has_a_name_of_its_own_and_a_statement():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    assert all(claim.statement.endswith(".") for claim in CLAIMS)
