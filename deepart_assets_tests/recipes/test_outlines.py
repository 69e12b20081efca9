"""Masks kept as polygons: what is drawn from them, and the table that comes with the project."""

import collections

import numpy as np
import pytest

from deepart_assets.imaging import encode_png
from recipes.subject_segmenter.__main__ import learnt_from
from recipes.subject_segmenter.labels import Label, read_labels
from recipes.subject_segmenter.outlines import Outlined, read_outlined

SQUARE = ((100, 100), (900, 100), (900, 900), (100, 900))
HOLE = ((300, 300), (700, 300), (700, 700), (300, 700))
ISLAND = ((450, 450), (550, 450), (550, 550), (450, 550))
RING = Outlined("drawn", (SQUARE, HOLE, ISLAND))
"""A square with an island inside its hole."""


@pytest.mark.parametrize(("height", "width"), [(101, 201), (301, 101)])
def test_what_lies_inside_an_odd_number_of_polygons_is_subject(height, width):
    drawn = RING.mask(height, width)
    assert drawn.shape == (height, width)
    at = {share: drawn[round(share * (height - 1)), round(share * (width - 1))] for share in
          (0.05, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95)}  # fmt: skip
    assert [share for share, kept in at.items() if kept] == [0.2, 0.5, 0.8]
    assert abs(drawn.mean() - (0.8**2 - 0.4**2 + 0.1**2)) < 0.03


def test_the_table_is_read(tmp_path):
    file = tmp_path / "masks.csv"
    file.write_text('painting,made,polygons\na_b,drawn,"0,0 500,0 0,500;9,9 9,1 1,9"\na_c,empty,\n')
    read = read_outlined(file)
    triangles = (((0, 0), (500, 0), (0, 500)), ((9, 9), (9, 1), (1, 9)))
    assert read == {"a_b": Outlined("drawn", triangles), "a_c": Outlined("empty", ())}
    assert not read["a_c"].mask(20, 30).any()


def test_the_masks_that_come_with_the_project():
    labels, masks = read_labels(), read_outlined()
    splits = collections.Counter(labels[name].split for name in masks)
    assert len(masks) >= 150
    assert min(splits["validation"], splits["train"]) >= 130
    assert all(
        (each.made == "empty") == (not each.polygons)
        and all(
            0 <= value <= 1000 for polygon in each.polygons for pair in polygon for value in pair
        )
        for each in masks.values()
    )
    empty = {name for name, each in labels.items() if each.label == "empty"} & set(masks)
    assert all(not masks[name].polygons for name in empty)
    subjects = [each for each in masks.values() if each.polygons][::20]
    assert all(0.001 < each.mask(100, 100).mean() < 0.99 for each in subjects)


def test_training_takes_them_for_paintings_of_its_split_before_their_labels(tmp_path):
    outlined = dict.fromkeys("abcd", RING)
    outlined["e"] = Outlined("empty", ())
    labels = {"a": "", "b": "accepted", "d": "", "e": "", "f": "", "g": "empty"}
    table = {
        name: Label(name, "validation" if name == "d" else "train", labels[name]) for name in labels
    }
    file = tmp_path / "picture.png"
    file.write_bytes(encode_png(np.zeros((180, 240, 3), np.uint8)))
    files = dict.fromkeys("abcdefg", file)
    rest = {"teacher": None, "first": None, "cache": tmp_path}
    learnt = learnt_from(files, table, outlined, **rest)
    assert not learnt.accepted
    # c has no row, d is of the other split, f has neither label nor mask
    assert set(learnt.outlined) == {"a", "b", "e"}
    assert set(learnt.empty) == {"g"}
    mask = learnt.outlined["a"].mask > 0.5
    assert abs(mask.mean() - RING.mask(*mask.shape).mean()) < 0.02
    assert learnt.outlined["e"].mask.max() == 0
    without = learnt_from(dict.fromkeys("aefg", file), table, {}, **rest)
    assert not without.outlined
    assert set(without.empty) == {"g"}
