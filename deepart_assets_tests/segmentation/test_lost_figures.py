"""Figures of faces that a map leaves out: found where they belong to the subject."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.imaging import resize
from deepart_assets.segmentation import lost_figures
from deepart_assets.segmentation.faces import Face, find_faces
from deepart_assets.segmentation.lost_figures import view_within, with_lost_figures
from deepart_assets.segmentation.persons import find_figures


@pytest.fixture(scope="module")
def faces(portrait):
    return find_faces(portrait)


@pytest.fixture(scope="module")
def torn(portrait, faces):
    """A map that has the figure's lower half, and nothing of the head and the chest."""
    figure = find_figures(portrait, faces) > 0.7
    map_ = np.where(figure, 0.9, 0.02).astype(np.float32)
    map_[: len(map_) * 6 // 10] = 0.02
    return map_


def test_the_figure_of_a_lost_face_that_touches_the_subject_is_found(portrait, faces, torn):
    found = with_lost_figures(torn, portrait, faces)
    figure = find_figures(portrait, faces)
    above = np.s_[: len(torn) * 6 // 10]
    assert (found >= torn).all() and found.max() <= 1
    assert (found[above] > 0.6)[figure[above] > 0.9].mean() > 0.95
    assert found[: len(torn) // 10, : torn.shape[1] // 4].max() < 0.1


def test_what_does_not_touch_the_subject_is_left_out(portrait, faces, torn):
    corner = np.full_like(torn, 0.02)
    corner[:30, :30] = 0.9
    figure = find_figures(portrait, faces)
    assert figure[:60, :60].max() < 0.5
    assert np.array_equal(with_lost_figures(corner, portrait, faces), corner)


def test_beside_a_face_in_the_subject_it_need_not_touch(portrait, faces):
    """Two figures apart: the map has the left one alone."""
    twice = np.hstack([portrait, portrait])
    both = find_faces(twice)
    assert len(both) == 2
    figure = find_figures(portrait, faces)
    map_ = np.hstack([figure, np.zeros_like(figure)])
    side = min(twice.shape[:2])
    map_ = resize(map_, *(round(400 / side * each) for each in twice.shape[:2])).clip(0, 1)
    map_[:, map_.shape[1] // 2 - 10 :] = 0
    found = with_lost_figures(map_, twice, both)
    right = max(both, key=lambda face: face.x).moved(400 / side)
    assert map_[right.ellipse(map_.shape)].max() == 0
    assert found[right.ellipse(map_.shape)].mean() > 0.8


def test_without_a_lost_face_nothing_is_looked_for(portrait, faces, torn, monkeypatch):
    monkeypatch.setattr(lost_figures, "person_probability", None)
    whole = np.full_like(torn, 0.9)
    assert with_lost_figures(whole, portrait, faces) is whole
    assert with_lost_figures(torn, portrait, []) is torn
    nothing = np.zeros_like(torn)
    assert with_lost_figures(nothing, portrait, faces) is nothing


def test_no_figure_is_made_of_a_box_without_a_face(portrait, torn):
    wrong = Face(0.9, 60, 60, 80, 0.0, -1.0)
    assert np.array_equal(with_lost_figures(torn, portrait, [wrong]), torn)


SIDES = st.integers(50, 900)
PLACES = st.floats(0, 1)


@given(st.tuples(SIDES, SIDES), st.tuples(PLACES, PLACES), st.floats(5, 300), st.floats(1, 12))
def test_a_view_stays_in_the_picture_where_it_can(size, place, face, side):
    height, width = size
    found = Face(0.9, place[0] * width, place[1] * height, face, 0, -1)
    view = view_within(size, found, side, 1.5)
    assert view.side <= max(size)
    for centre, whole in ((view.x, width), (view.y, height)):
        reach = max(view.side, whole) / 2
        assert centre - view.side / 2 >= whole / 2 - reach - 1e-6
        assert centre + view.side / 2 <= whole / 2 + reach + 1e-6


def test_a_face_that_the_map_hints_at_becomes_subject_where_no_person_is_seen(monkeypatch):
    """The network of persons sees nobody; the map has a third of what it would need."""
    monkeypatch.setattr(
        lost_figures, "person_probability", lambda views: np.zeros((len(views), 256, 256))
    )
    picture = np.full((400, 400, 3), 90, np.uint8)
    map_ = np.full((400, 400), 0.02, np.float32)
    map_[230:] = 0.9
    face = Face(0.8, 200, 150, 60, 0.0, -1.0)
    map_[120:230, 170:230] = 0.3
    found = with_lost_figures(map_, picture, [face])
    assert found[150, 200] > 0.6 and found[190, 200] > 0.5
    assert np.array_equal(found[:80], map_[:80]) and np.array_equal(found[:, :100], map_[:, :100])
    map_[120:230, 170:230] = 0.1
    assert np.array_equal(with_lost_figures(map_, picture, [face]), map_)
