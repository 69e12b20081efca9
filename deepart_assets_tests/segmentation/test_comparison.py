"""Agreement of masks, against scikit-learn-like definitions written with sets."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from deepart_assets.imaging import encode_png
from deepart_assets.segmentation import iou
from deepart_assets.segmentation.comparison import (
    disagreement,
    iou_matrix,
)
from deepart_assets.segmentation.evaluation import Sample, read_truth, table

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


def truth(*rows):
    return read_truth(encode_png(np.array(rows, np.uint8)), "truth/p.png", (4, 4))


def test_an_all_black_truth_says_that_there_is_no_subject():
    empty = truth(*[[0] * 4] * 4)
    assert not empty.subject.any() and empty.asked.all()


@pytest.mark.parametrize("save", [lambda mask: mask.convert("P"), lambda mask: mask.quantize(2)])
def test_a_black_and_white_mask_with_a_palette_is_a_mask(save):
    drawn = np.zeros((4, 4), bool)
    drawn[1:3, 1:] = True
    file = io.BytesIO()
    save(Image.fromarray(drawn.astype(np.uint8) * 255)).save(file, "PNG")
    found = read_truth(file.getvalue(), "truth/p.png", (4, 4))
    assert (found.subject == drawn).all() and found.asked.all()


def test_a_palette_of_classes_has_ids():
    image = Image.fromarray(np.array([[0, 1], [2, 255]], np.uint8), "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [0] * 756 + [224, 224, 192])
    file = io.BytesIO()
    image.save(file, "PNG")
    found = read_truth(file.getvalue(), "truth/p.png", (2, 2))
    assert found.subject.tolist() == [[False, True], [True, False]]
    assert found.asked.tolist() == [[True, True], [True, False]]


def test_an_id_without_a_colour_is_an_id():
    image = Image.fromarray(np.array([[0, 1], [1, 3]], np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 255, 255, 0, 0, 0])
    file = io.BytesIO()
    image.save(file, "PNG")
    found = read_truth(file.getvalue(), "truth/p.png", (2, 2))
    assert found.subject.tolist() == [[False, True], [True, True]]


def test_who_finds_nothing_where_there_is_nothing_is_right():
    nothing, subject = truth(*[[0] * 4] * 4), truth(*[[0, 255, 255, 0]] * 4)
    picture, drawn = np.zeros((4, 4, 3), np.uint8), subject.subject
    masks = {"ours": None, "wrong": ~drawn}
    samples = [Sample("p", "", picture, masks, nothing), Sample("q", "", picture, masks, subject)]
    rows = {row["name"]: row for row in table(samples, ["ours", "wrong"], "ours")}
    assert rows["ours"]["iou_with_truth"] == 0.5, "1 where there is nothing, 0 where there is"
    assert rows["wrong"]["iou_with_truth"] == 0
    assert rows["ours"]["with_truth"] == rows["wrong"]["with_truth"] == 2
