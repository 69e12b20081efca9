"""Figures: the network against the published one, and maps that are raised for them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import resize
from deepart_assets.segmentation import persons
from deepart_assets.segmentation.bundled import CONTOUR
from deepart_assets.segmentation.faces import Face, find_faces
from deepart_assets.segmentation.person_network import PersonNetwork
from deepart_assets.segmentation.persons import DOUBT, NETWORK, Square, find_figures, raised
from deepart_assets.segmentation.published_network import read_weights
from deepart_assets.segmentation.refinement import refine
from deepart_assets.settings.places import PROJECT


@pytest.fixture(scope="module")
def figure(portrait):
    return find_figures(portrait, find_faces(portrait))


def test_finds_what_the_published_network_finds(portrait):
    """The reference is that of the TFLite file in OpenCV 5.0, averaged to 8×8."""
    view = resize(portrait, 256, 256)[None]
    found = read_weights(PersonNetwork(), NETWORK, "").probability(view)[0]
    expected = [
        [0, 0, 0.018, 0.26, 0.266, 0.041, 0, 0],
        [0, 0, 0.386, 1, 1, 0.79, 0.005, 0],
        [0, 0, 0.244, 1, 1, 0.87, 0.021, 0],
        [0, 0, 0, 0.621, 1, 0.878, 0.225, 0],
        [0, 0, 0.032, 0.615, 1, 0.996, 0.553, 0.041],
        [0, 0.092, 0.767, 1, 1, 1, 0.962, 0.132],
        [0, 0.234, 1, 1, 1, 1, 1, 0.472],
        [0, 0.713, 0.99, 0.999, 1, 1, 0.999, 0.487],
    ]
    assert resize(found, 8, 8) == pytest.approx(np.array(expected), abs=2e-3)


def test_a_file_of_another_network_is_refused(tmp_path):
    (tmp_path / "persons.safetensors").write_bytes(b"no")
    with pytest.raises(UnavailableError, match="not the person segmenter"):
        read_weights(PersonNetwork(), tmp_path / "persons.safetensors", "the person segmenter")


def test_the_network_has_a_card_and_few_bytes():
    assert NETWORK.stat().st_size < 300_000
    assert f"## segmentation/{NETWORK.name}" in (PROJECT / "data/models/README.md").read_text()


def test_a_view_is_laid_back_where_it_was_seen():
    rows, columns = np.mgrid[:200, :300]
    picture = np.stack([rows, columns * 0.8, rows], axis=2).astype(np.uint8)
    square = Square(150, 90, 120)
    back = square.placed(square.view(picture)[..., 0].astype(np.float32), (200, 300), margin=0.05)
    seen = ~np.isnan(back)
    assert seen[40:140, 100:200].all() and seen.sum() < 110**2
    assert abs(back - rows)[seen].max() < 2


@pytest.mark.parametrize("factor", [1, 3])
def test_a_view_beyond_the_picture_is_black(factor):
    view = Square(0, 0, 100 * factor).view(np.full((80 * factor, 80 * factor, 3), 200, np.uint8))
    assert view[:120].max() == view[:, :120].max() == 0 and view[130:, 130:].min() == 200


def test_the_figure_of_a_face_is_found(portrait, figure):
    assert min(figure.shape) == 400 and figure.min() >= 0 and figure.max() <= 1
    height, width = figure.shape
    [face] = (each.moved(400 / min(portrait.shape[:2])) for each in find_faces(portrait))
    assert figure[face.ellipse((height, width))].mean() > 0.8
    assert figure[: height // 10, : width // 4].max() == 0


def test_without_a_sure_face_there_is_no_figure(portrait, monkeypatch):
    monkeypatch.setattr(persons, "_network", None)  # nor does the network run
    [face] = find_faces(portrait)
    for faces in ([], [face._replace(score=0.48)], [face._replace(side=10)]):
        assert not find_figures(portrait, faces).any()


def test_a_face_beside_the_figure_finds_nothing(portrait):
    assert not find_figures(portrait, [Face(0.9, 60, 60, 80, 0.0, -1.0)]).any()


def test_a_figure_that_the_map_cuts_is_completed(portrait, figure):
    """Below its chest the map is undecided, as for dark clothes, and so is the ground above it."""
    whole = resize(figure, *portrait.shape[:2]) > 0.5
    height, width = whole.shape
    map_ = np.where(resize(figure, 200, 160) > 0.5, 0.9, 0.02).astype(np.float32)
    map_[130:] = np.minimum(map_[130:], 0.25)
    map_[:20] = 0.25
    before = refine(portrait, map_, CONTOUR).mask > 0.5
    after = refine(portrait, raised(map_, figure), CONTOUR).mask > 0.5
    below = np.s_[int(0.7 * height) :]
    assert after[below][whole[below]].mean() > max(0.97, before[below][whole[below]].mean() + 0.1)
    ground = cv2.dilate(whole.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
    assert (after & ~before & ground).sum() < 0.005 * height * width


PROBABILITIES = st.floats(0, 1, width=32)


@given(
    arrays(np.float32, (6, 5), elements=PROBABILITIES),
    arrays(np.float32, (6, 5), elements=PROBABILITIES),
)
def test_a_map_is_only_raised_and_only_where_both_agree(map_, figures):
    found = raised(map_, figures)
    assert found.dtype == np.float32 and (found >= map_).all() and found.max() <= 1
    changed = found != map_
    assert (map_[changed] > DOUBT).all() and (figures[changed] > map_[changed]).all()
