"""Masks kept as polygons: what is drawn from them, and the table that comes with the project."""

import collections

import cv2
import numpy as np
import pytest

from deepart_assets.imaging import encode_png
from recipes.subject_segmenter.__main__ import learnt_from
from recipes.subject_segmenter.labels import Label, read_labels
from recipes.subject_segmenter.outlines import Outlined, as_text, outlines_of, read_outlined


def ring(height=180, width=240):
    """A ring with an island inside its hole, and a part cut by the frame."""
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (110, 90), 70, 1, -1)
    cv2.circle(mask, (110, 90), 40, 0, -1)
    cv2.circle(mask, (110, 90), 15, 1, -1)
    mask[120:, 200:] = 1
    return mask > 0


def agreement(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("scale", [1, 3])
def test_polygons_draw_the_mask_again_at_any_size(scale):
    mask = ring()
    drawn = Outlined("drawn", outlines_of(mask)).mask(180 * scale, 240 * scale)
    wanted = cv2.resize(mask.astype(np.uint8), None, fx=scale, fy=scale) > 0
    assert agreement(drawn, wanted) > 0.97
    assert not drawn[90 * scale, 145 * scale]  # the hole
    assert drawn[90 * scale, 110 * scale]  # the island in it


def test_the_table_is_read_as_it_is_written(tmp_path):
    polygons = outlines_of(ring())
    file = tmp_path / "masks.csv"
    lines = ["painting,made,polygons", f'a_b,drawn,"{as_text(polygons)}"', "a_c,empty,"]
    file.write_text("\n".join(lines))
    read = read_outlined(file)
    assert read == {"a_b": Outlined("drawn", polygons), "a_c": Outlined("empty", ())}
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


def test_training_takes_them_for_paintings_of_its_split_that_have_no_other_label(tmp_path):
    mask = ring()
    outlined = dict.fromkeys("abcd", Outlined("drawn", outlines_of(mask)))
    outlined["e"] = Outlined("empty", ())
    labels = {"a": "", "b": "empty", "d": "", "e": "", "f": ""}
    table = {
        name: Label(name, "validation" if name == "d" else "train", labels[name]) for name in labels
    }
    file = tmp_path / "picture.png"
    file.write_bytes(encode_png(np.zeros((180, 240, 3), np.uint8)))
    files = dict.fromkeys("abcdef", file)
    rest = {"teacher": None, "first": None, "cache": tmp_path}
    learnt = learnt_from(files, table, outlined, **rest)
    assert not learnt.accepted
    assert set(learnt.outlined) == {
        "a",
        "e",
    }  # c has no row, d is of the other split, f has neither
    assert set(learnt.empty) == {"b"}
    assert agreement(learnt.outlined["a"].mask > 0.5, mask) > 0.97
    assert learnt.outlined["e"].mask.max() == 0
    without = learnt_from(files, table, {}, **rest)
    assert not without.outlined
    assert set(without.empty) == {"b"}
