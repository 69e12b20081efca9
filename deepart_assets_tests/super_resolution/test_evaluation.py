import json

import numpy as np
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation.artefacts import checkerboard, colour_shift
from deepart_assets.super_resolution.evaluation.comparison import evaluate
from deepart_assets.super_resolution.evaluation.crops import middle
from deepart_assets.super_resolution.evaluation.metrics import niqe, psnr_rgb, psnr_y, ssim_rgb

from .pictures import pair, some_pairs
from .test_crops import Repeating

UPSCALERS = {"bicubic": lambda: matlab_bicubic_enlarge, "repeated": Repeating}


def test_rows_have_the_means_over_the_test_pairs():
    pairs = [*some_pairs(), pair("test", 21, 220, 240)]
    reported = []
    compared = evaluate(pairs, UPSCALERS, report=lambda *arguments: reported.append(arguments))
    bicubic, repeated = compared.rows
    assert [bicubic["name"], repeated["name"]] == ["bicubic", "repeated"]
    for figure in ("psnr_y", "psnr_rgb", "ssim_y", "ssim_rgb"):
        assert bicubic[figure] > repeated[figure]
    tests = [pair for pair in pairs if pair.split == "test"]
    made = [matlab_bicubic_enlarge(pair.lr) for pair in tests]
    for name, metric in (("psnr_y", psnr_y), ("psnr_rgb", psnr_rgb), ("ssim_rgb", ssim_rgb)):
        each = [metric(picture, pair.hr) for picture, pair in zip(made, tests, strict=True)]
        assert bicubic[name] == pytest.approx(np.mean(each))
    # The smaller pair is too small for NIQE; the mean is over the other one.
    assert bicubic["niqe"] == pytest.approx(niqe(made[1]))
    assert compared.originals["niqe"] == pytest.approx(niqe(tests[1].hr))
    assert "lpips" not in bicubic
    assert reported == [
        (1, 4, "bicubic"),
        (2, 4, "bicubic"),
        (3, 4, "repeated"),
        (4, 4, "repeated"),
    ]


def test_each_painting_has_its_own_figures():
    pairs = [pair("test", 21, 220, 240), pair("test", 22, 240, 220)]
    compared = evaluate(pairs, UPSCALERS)
    assert [row["name"] for row in compared.paintings] == [
        "bicubic/test21",
        "bicubic/test22",
        "repeated/test21",
        "repeated/test22",
    ]
    second, made = compared.paintings[1], matlab_bicubic_enlarge(pairs[1].lr)
    assert second["psnr_y"] == pytest.approx(psnr_y(made, pairs[1].hr))
    assert second["colour_shift"] == pytest.approx(colour_shift(made, pairs[1].lr))
    assert second["checkerboard"] == pytest.approx(checkerboard(made))
    assert second["checkerboard_original"] == pytest.approx(checkerboard(pairs[1].hr))
    json.dumps(compared.paintings, allow_nan=False)


def test_a_crop_is_measured_as_it_comes_out_of_the_whole():
    one = pair("test", 21, 320, 360)
    [row] = evaluate([one], {"bicubic": lambda: matlab_bicubic_enlarge}, crop=200).rows
    made, part = matlab_bicubic_enlarge(one.lr), middle(one, 200)
    inner = made[4 * part.top : 4 * part.top + 200, 4 * part.left : 4 * part.left + 200]
    assert row["psnr_y"] == pytest.approx(psnr_y(inner, part.hr(one)))
    assert row["niqe"] == pytest.approx(niqe(inner))


def test_lpips_is_a_column_where_it_is_given():
    one = pair("test", 21)
    [row] = evaluate(
        [one], {"bicubic": lambda: matlab_bicubic_enlarge}, lpips=lambda a, b: 0.25
    ).rows
    assert row["lpips"] == 0.25


def test_an_upscaler_is_made_when_it_is_its_turn():
    alive, most = 0, 0

    class Heavy:
        def __init__(self):
            nonlocal alive, most
            alive += 1
            most = max(most, alive)

        def __call__(self, picture):
            return matlab_bicubic_enlarge(picture)

        def __del__(self):
            nonlocal alive
            alive -= 1

    evaluate([pair("test", 21)], dict.fromkeys("abcd", Heavy))
    # The next one is made before the name of the last one is given to it.
    assert most <= 2


def test_no_test_pair_is_told_with_the_remedy():
    with pytest.raises(UnavailableError, match="third share"):
        evaluate(some_pairs()[:4], UPSCALERS)
