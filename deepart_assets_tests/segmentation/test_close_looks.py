"""Small subjects: which parts are looked at closely, and how that changes the map."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.imaging import decode_rgb, resize
from deepart_assets.segmentation.close_looks import COVERS, Part, joined, small_parts
from deepart_assets.segmentation.subject_features import FeatureExtractor, grid_of
from deepart_assets.settings.places import PROJECT

SIZE = 100, 140
WHOLE = Part(0, 1, 0, 1)


def map_of(*squares, size=SIZE):
    """A map with squares: top, left and side of each."""
    map_ = np.zeros(size, np.float32)
    for top, left, side in squares:
        map_[top : top + side, left : left + side] = 0.9
    return map_


def test_a_small_subject_is_looked_at_with_a_margin():
    [part] = small_parts(map_of((40, 60, 12)))
    rows, columns = part.slices(SIZE)
    assert (rows.start, rows.stop) == (32, 60) and (columns.start, columns.stop) == (52, 80)


def test_neither_nothing_nor_specks_nor_a_large_subject_is():
    assert small_parts(map_of()) == []
    assert small_parts(map_of((40, 60, 5))) == []
    assert small_parts(map_of((10, 10, 80))) == []
    assert small_parts(np.full(SIZE, 0.4, np.float32)) == []


def test_what_is_near_is_one_and_the_largest_two_are_taken():
    assert len(small_parts(map_of((40, 20, 12), (40, 44, 12)))) == 1
    larger, smaller = small_parts(map_of((5, 5, 10), (60, 20, 16), (40, 90, 20)))
    assert larger.left > 0.5 and smaller.top > 0.5


squares = st.tuples(st.integers(0, 90), st.integers(0, 130), st.integers(1, 60))


@given(st.lists(squares, max_size=5))
def test_parts_are_few_small_apart_and_mirrored_with_the_map(places):
    map_ = map_of(*places)
    parts = small_parts(map_)
    assert len(parts) <= 2 and sum(part.area for part in parts) <= COVERS
    assert all(larger.area >= smaller.area for larger, smaller in pairwise(parts))
    for part in parts:
        assert (map_[part.slices(SIZE)] > 0.4).any()
    mirrored = small_parts(np.ascontiguousarray(map_[:, ::-1]))
    assert sum(part.area for part in mirrored) == pytest.approx(sum(part.area for part in parts))


ranges = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(ranges, ranges, st.integers(1, 40), st.integers(1, 40))
def test_a_part_of_any_picture_holds_a_pixel(vertical, horizontal, height, width):
    part = Part(*vertical, *horizontal)
    assert np.ones((height, width, 3))[part.slices((height, width, 3))].size > 0


def test_a_third_of_the_map_is_what_was_found():
    map_ = np.full((50, 60), 0.6, np.float32)
    part = Part(0.2, 0.6, 0.5, 1)
    result = joined(map_, [part], [np.zeros((9, 7), np.float32)])
    assert result.shape == (100, 120)
    expected = np.full((100, 120), 0.6)
    expected[20:60, 60:] = 0.4
    assert np.allclose(result, expected)


def test_finding_the_same_changes_nothing():
    map_ = map_of((40, 60, 20))
    [part] = small_parts(map_)
    doubled = joined(map_, [], [])
    assert np.allclose(joined(map_, [part], [doubled[part.slices(doubled.shape)]]), doubled)


@pytest.fixture(scope="module")
def looked_at():
    picture = decode_rgb((PROJECT / "data/sample/paintings/643540.jpg").read_bytes(), "643540")
    picture = resize(picture, 210, 182)
    extractor = FeatureExtractor()
    return picture, extractor, extractor(picture, *grid_of(210, 182))


def test_a_close_look_at_all_is_the_first_look(looked_at):
    picture, extractor, seen = looked_at
    rows, columns = grid_of(210, 182)
    again = extractor.closer(picture, WHOLE, rows * columns, seen)
    assert np.array_equal(again.tokens, seen.tokens)
    assert np.array_equal(again.pixels, seen.pixels)
    assert np.array_equal(again.coarse, seen.coarse)


def test_a_close_look_is_at_the_part_and_knows_its_surround(looked_at):
    picture, extractor, seen = looked_at
    part = Part(0, 0.5, 0, 0.5)
    found = extractor.closer(picture, part, 196, seen)
    alone = extractor(np.ascontiguousarray(picture[:105, :91]), *grid_of(105, 91, 196))
    assert np.array_equal(found.tokens, alone.tokens)
    assert np.array_equal(found.pixels[..., :12], alone.pixels[..., :12])
    # At the inner corner the coarse tokens are between those about the picture's middle.
    rows, columns = seen.coarse.shape[1] // 2, seen.coarse.shape[2] // 2
    about = seen.coarse[0, rows - 1 : rows + 2, columns - 1 : columns + 2].astype(np.float32)
    corner = found.coarse[0, -1, -1].astype(np.float32)
    assert (corner <= about.max(axis=(0, 1)) + 0.01).all()
    assert (corner >= about.min(axis=(0, 1)) - 0.01).all()
    assert not np.allclose(found.coarse.astype(np.float32).mean(), alone.coarse.mean(), atol=1e-4)
