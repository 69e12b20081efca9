"""A painted floor takes the tone of the old one, of which a mask keeps a strip."""

import numpy as np
import pytest

from deepart_assets.outpainting.scene_completion.composition import finish
from deepart_assets.outpainting.scene_completion.footing import UNSEEN, footing_of
from deepart_assets.outpainting.scene_completion.resting import with_plane
from deepart_assets.outpainting.tone import lab_of
from deepart_assets_tests.outpainting.scene_completion.drawn import choice

FIGURE = np.zeros((512, 400), bool)
FIGURE[60:440, 120:280] = True
OLD = np.uint8([190, 150, 90])
OLD_TONE = lab_of(OLD[None, None])[0, 0]
WALL = np.full((512, 400, 3), 70, np.uint8)


def standing_on(old, depth=8):
    """Return a green figure, with a strip of an old floor under it."""
    picture = np.zeros((512, 400, 3), np.uint8)
    picture[FIGURE] = 30, 70, 40
    picture[440 - depth : 440, 120:280] = old
    return picture


@pytest.mark.parametrize("depth", [4, 8, 18])
def test_a_strip_of_the_old_floor_is_seen_be_it_thin_or_thick(depth):
    found = footing_of(standing_on(OLD, depth), FIGURE)
    assert found.certainty == 1
    assert np.abs(found.tone - OLD_TONE).max() < 3


def test_a_figure_without_a_strip_tells_nothing():
    plain = standing_on((30, 70, 40))
    assert footing_of(plain, FIGURE).certainty == 0
    assert footing_of(plain, np.zeros_like(FIGURE)).certainty == 0
    framed = FIGURE.copy()
    framed[440:, 120:280] = True
    assert footing_of(standing_on(OLD), framed).certainty == 0


def test_what_is_outside_of_the_mask_does_not_count():
    picture = standing_on(OLD)
    around = np.where(FIGURE[..., None], picture, np.uint8([255, 0, 255]))
    one, other = footing_of(picture, FIGURE), footing_of(around, FIGURE)
    assert one.certainty == other.certainty
    assert np.array_equal(one.tone, other.tone)


def test_shoes_of_many_colours_are_no_floor():
    picture = standing_on(OLD)
    picture[432:440, 120:280] = np.random.default_rng(0).integers(0, 256, (1, 160, 3))
    assert footing_of(picture, FIGURE).certainty < 0.7


def test_the_floor_is_nearly_the_same_at_every_size():
    twice = standing_on(OLD).repeat(2, 0).repeat(2, 1), FIGURE.repeat(2, 0).repeat(2, 1)
    one, other = footing_of(standing_on(OLD), FIGURE), footing_of(*twice)
    assert other.certainty == pytest.approx(one.certainty, abs=0.02)
    assert np.abs(one.tone - other.tone).max() < 2


@pytest.mark.parametrize("plane", ["table", "floor"])
def test_a_plane_comes_nearer_to_the_old_floor_and_the_wall_above_stays(plane):
    before, after = (
        lab_of(with_plane(WALL.astype(np.float32), FIGURE, plane, each).round().astype(np.uint8))
        for each in (UNSEEN, footing_of(standing_on(OLD), FIGURE))
    )
    far = (448, 10)
    off = [np.linalg.norm(each[far] - OLD_TONE) for each in (before, after)]
    assert off[1] < off[0] - 15
    assert np.array_equal(before[:300], after[:300])


def test_the_shadow_of_the_old_floor_is_not_painted_once_more():
    bright, grey = (
        finish(WALL, standing_on(each), FIGURE, choice(rest="floor")).astype(int).mean(2)
        for each in (OLD, (30, 70, 40))
    )
    under, beside = (446, 200), (446, 8)
    assert bright[beside] / bright[under] < grey[beside] / grey[under] - 0.1
