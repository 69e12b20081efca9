"""Agreement of masks, against scikit-learn-like definitions written with sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepart_assets.segmentation import iou
from deepart_assets.segmentation.comparison import (
    disagreement,
    iou_matrix,
)

masks = arrays(bool, (4, 5))


def pixels(mask):
    return {tuple(place) for place in np.argwhere(mask)}


@given(masks, masks)
def test_iou_is_that_of_the_sets(first, second):
    both, either = pixels(first) & pixels(second), pixels(first) | pixels(second)
    assert iou(first, second) == (len(both) / len(either) if either else 1.0)
    assert iou(first, second) == iou(second, first)


@given(st.lists(st.tuples(masks, masks), min_size=1, max_size=4))
def test_the_matrix_is_symmetric_with_ones(pairs):
    matrix = iou_matrix({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    assert matrix["a"]["a"] == matrix["b"]["b"] == 1
    assert matrix["a"]["b"] == matrix["b"]["a"] == np.mean([iou(a, b) for a, b in pairs])


def test_only_paintings_that_both_have_count():
    full, half = np.ones((2, 2), bool), np.eye(2, dtype=bool)
    matrix = iou_matrix({"a": [full, None, full], "b": [half, full, None], "c": [None] * 3})
    assert matrix["a"]["b"] == 0.5
    assert matrix["a"]["c"] is None and matrix["c"]["c"] is None


def test_a_disagreement_shows_four_regions():
    picture = np.full((2, 2, 3), 200, np.uint8)
    first, second = np.array([[1, 1], [0, 0]], bool), np.array([[1, 0], [1, 0]], bool)
    shown = disagreement(picture, first, second)
    assert (shown[0, 0] == 200).all()
    red, _, blue = shown[0, 1].astype(int)
    assert red > blue
    red, _, blue = shown[1, 0].astype(int)
    assert blue > red
    assert shown[1, 1].mean() < 120
    assert (picture == 200).all()
