"""Walls are made good: what catches the eye on them is painted over."""

import numpy as np
import pytest

from deepart_assets.imaging import resize
from deepart_assets.outpainting.scene_completion.composition import lay
from deepart_assets.outpainting.scene_completion.hole import gradient_of
from deepart_assets.outpainting.scene_completion.placement import Placement
from deepart_assets.outpainting.scene_completion.structure import seen_structure
from deepart_assets.outpainting.scene_completion.walls import blemishes, made_good
from deepart_assets.outpainting.tone import lab_of
from deepart_assets_tests.outpainting.scene_completion.drawn import choice, ground, oval

WALL = np.full((256, 200, 3), 90, np.uint8)
SIGNED = WALL.copy()
SIGNED[220:236:4, 20:50] = 200


def marked(picture, hole=None):
    lender = ground("g", picture=picture, mask=hole)
    return blemishes(gradient_of(picture), lender, (256, 200))


def test_small_things_on_a_wall_are_blemishes_and_its_corner_is_not():
    found = marked(SIGNED)
    assert found[220:234, 20:50].all()
    assert not found[:205].any() and not found[:, 70:].any()
    corner = WALL.copy()
    corner[:, 120:] = 160
    pattern = WALL.copy()
    for row in range(4, 240, 40):
        for column in range(4, 190, 60):
            pattern[row : row + 16 : 4, column : column + 30] = 200
    assert not marked(corner).any() and not marked(pattern).any()
    assert not marked(SIGNED, np.ones((256, 200), bool)).any()


@pytest.mark.parametrize("times", [1, 2])
def test_blemishes_of_a_wall_are_painted_over_at_any_size(times):
    lender = ground("g", picture=SIGNED)
    known = np.kron(oval(centre=(0.4, 0.6), radii=(0.2, 0.2)), np.ones((times, times), bool))
    picture = resize(SIGNED, 256 * times, 200 * times)
    bare = lay(picture, lender, known, choice(scale=512 / 200, wall=True))
    assert np.abs(bare[210 * times :].astype(int) - 90).max() < 30
    assert lay(picture, lender, known, choice(scale=512 / 200)).max() > 190


def test_blemishes_do_not_count():
    lender = ground("g", picture=SIGNED)
    laid = Placement({}, 0.0, 1.0, (0, 0), False)
    with_it, without = (
        seen_structure(SIGNED, lender, laid, oval(), is_wall=each) for each in (False, True)
    )
    assert with_it > 4
    assert without < 1


@pytest.mark.parametrize("times", [1, 2])
def test_specks_are_lost_and_a_step_and_the_colour_stay(times):
    specked = np.random.default_rng(0).integers(86, 95, (512 * times, 400 * times, 1))
    specked = specked.repeat(3, 2).astype(np.uint8)
    specked[:, 200 * times :] += 60
    clean = specked.copy()
    specked[20::40, 20::40] = 230
    found = made_good(specked, times)
    assert found[20::40, 20::40].max() < 180
    assert np.abs(found.astype(int) - clean)[20::40, 20::40].mean() < 8
    assert np.abs(found.astype(float).mean((0, 1)) - clean.mean((0, 1))).max() < 1
    assert abs(int(found[7, 210 * times, 0]) - int(found[7, 190 * times, 0])) > 40


def test_a_smooth_wall_gets_a_little_grain_and_a_grainy_one_none():
    smooth = made_good(WALL, 0.4)
    lightness = lab_of(smooth)[..., 0]
    assert 0.3 < lightness.std() < 1
    assert np.array_equal(made_good(WALL, 0.4), smooth)
    grainy = np.random.default_rng(1).integers(80, 100, WALL.shape[:2] + (1,)).repeat(3, 2)
    grainy = grainy.astype(np.uint8)
    assert np.abs(made_good(grainy, 0.4).astype(int) - grainy).mean() < 1
