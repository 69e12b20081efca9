"""Ground in a subject's edge is trimmed, and nothing else."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.segmentation.faces import Face
from deepart_assets.segmentation.trimming import DEPTH, trimmed, without_fragments

SIZE = (120, 160)
FIGURE = np.s_[30:90, 50:110]


def canvas(figure=(200, 60, 40), ground=(60, 90, 160)):
    """A square figure on a ground, with a little noise."""
    picture = np.empty((*SIZE, 3), np.uint8)
    picture[:], picture[FIGURE] = ground, figure
    return picture + np.random.default_rng(0).integers(0, 12, picture.shape, dtype=np.uint8)


def with_halo(width=6):
    """The figure's mask, and one with ground about it."""
    true = np.zeros(SIZE, np.float32)
    true[FIGURE] = 1
    return true > 0, cv2.dilate(true, np.ones((2 * width + 1, 2 * width + 1), np.uint8))


def test_a_halo_of_another_colour_goes():
    true, soft = with_halo()
    after = trimmed(canvas(), soft, np.full(SIZE, 0.6, np.float32)) > 0.5
    assert (soft > 0.5)[~true].mean() > 0.1
    assert after[~true].mean() < 0.03 and after[true].mean() > 0.99


def test_dark_on_dark_stays():
    """A figure of the ground's colour: its edge is the map's."""
    _, soft = with_halo()
    picture = canvas(figure=(30, 28, 25), ground=(30, 28, 25))
    assert trimmed(picture, soft, np.full(SIZE, 0.6, np.float32)) is soft


def test_what_the_map_is_sure_of_needs_more_than_colours():
    true, soft = with_halo()
    picture = canvas(figure=(120, 118, 112), ground=(108, 104, 97))
    doubted, trusted = (
        trimmed(picture, soft, np.full(SIZE, level, np.float32)) > 0.5 for level in (0.3, 0.97)
    )
    assert doubted[~true].sum() < trusted[~true].sum()


def head_near_the_frame():
    """A figure cut off by the lower edge, its head 16 pixels below the upper one, and the map."""
    picture, true = canvas(), np.zeros(SIZE, bool)
    picture[:] = picture[0, 0]
    true[16:, 50:110] = True
    picture[true] = (200, 60, 40)
    level = np.where(true, np.float32(0.99), np.float32(0.05))
    level[:16, 62:98] = np.linspace(0.6, 0.9, 16, dtype=np.float32)[:, None]
    return picture, true, level


def test_no_chimney_stays_above_a_head_near_the_frame():
    picture, true, level = head_near_the_frame()
    after = trimmed(picture, (level > 0.5).astype(np.float32), level) > 0.5
    assert after[:14, 62:98].mean() < 0.12 and after[true].mean() > 0.99


def test_a_figure_that_the_frame_cuts_off_stays_whole():
    picture, true, level = head_near_the_frame()
    after = trimmed(picture, true.astype(np.float32), level) > 0.5
    assert after[-14:, 50:110].all()


def test_a_face_stays():
    true, soft = with_halo()
    face = Face(score=0.9, x=80, y=28, side=16, up_x=0, up_y=-1)
    level = np.full(SIZE, 0.6, np.float32)
    alone = trimmed(canvas(), soft, level)
    kept = trimmed(canvas(), soft, level, [face])
    there = face.ellipse(SIZE) & ~true & (soft > 0.5)
    assert (alone[there] > 0.5).mean() < 0.3 and (kept[there] > 0.5).mean() > 0.8


def test_an_enclosed_place_of_the_grounds_colour_is_the_figures():
    true, soft = with_halo(0)
    picture = canvas()
    picture[36:42, 76:82] = picture[0, 0]  # a jewel, near the edge
    after = trimmed(picture, soft, np.full(SIZE, 0.6, np.float32)) > 0.5
    assert after[36:42, 76:82].all() and after[true].mean() > 0.99


@pytest.mark.parametrize("level", [0, 1])
def test_all_or_nothing_stays(level):
    soft = np.full(SIZE, level, np.float32)
    assert np.array_equal(trimmed(canvas(), soft, soft), soft)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_nothing_is_added(height, width, seed):
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    soft, map_ = (random.random((height, width), dtype=np.float32) for _ in range(2))
    before = soft.copy()
    after = trimmed(picture, soft, map_)
    assert after.shape == soft.shape and after.dtype == np.float32
    assert after.min() >= 0 and (after <= soft).all() and np.array_equal(soft, before)


def test_the_depth_of_a_figure_stays():
    """Even where it has the ground's colours."""
    picture = canvas(figure=(60, 90, 160))
    picture[40:80, 60:100] = (200, 60, 40)
    _, soft = with_halo(0)
    depth = cv2.distanceTransform((soft > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    deep = depth > DEPTH + 4  # the guided filter's window
    after = trimmed(picture, soft, np.full(SIZE, 0.3, np.float32))
    assert deep.any() and (after[deep] > 0.5).all() and (after < 0.5)[soft > 0.5].any()


@given(st.integers(3, 20), st.booleans())
def test_a_fragment_without_a_face_goes(side, faced):
    soft = np.zeros(SIZE, np.float32)
    soft[FIGURE] = 1
    soft[5 : 5 + side, 5 : 5 + side] = 0.8
    faces = [Face(0.9, 5 + side / 2, 5 + side / 2, side, 0, -1)] if faced else []
    after = without_fragments(soft, faces)
    stays = faced or side**2 >= 0.15 * 60 * 60
    assert (after[5, 5] > 0) == stays
    assert (after[FIGURE] == 1).all()
    assert (after is soft) == stays


def test_where_nothing_is_found_there_is_no_fragment():
    soft = np.full(SIZE, 0.3, np.float32)
    assert without_fragments(soft) is soft
