"""Mosaics: each picture in its cell, with its heading and caption."""

import numpy as np
import pytest

from deepart_assets.imaging import grouped_mosaic, mosaic

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255), (0, 255, 255)]


def filled(colour, height=450, width=300):
    return np.full((height, width, 3), colour, np.uint8)


def box_of(grid, colour):
    """Left, top, right and bottom of the area of a colour."""
    rows, columns = np.nonzero((grid == colour).all(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(("columns", "shape"), [(6, (100, 500)), (2, (300, 200)), (1, (500, 100))])
def test_a_mosaic_has_as_many_columns_as_asked(columns, shape):
    grid = mosaic([filled(colour) for colour in COLOURS], cell=100, columns=columns)
    assert grid.shape[:2] == shape
    for number, colour in enumerate(COLOURS):
        left, top, right, bottom = box_of(grid, colour)
        assert (left // 100, top // 100) == (number % columns, number // columns)
        assert (right - left, bottom - top) == (61, 92)  # 2:3 in 92 pixels


def test_groups_stand_one_below_the_other_with_headings_and_captions():
    groups = [
        ("train: 3", [("a", filled(colour)) for colour in COLOURS[:3]]),
        ("valid: 2", [("", filled(COLOURS[3], 300, 450)), ("long " * 20, filled(COLOURS[4]))]),
        ("test: 0", []),
    ]
    grid = grouped_mosaic(groups, cell=100, columns=2)
    boxes = [box_of(grid, colour) for colour in COLOURS]
    tops = [top for _, top, _, _ in boxes]
    assert tops[0] == tops[1] < tops[2] < tops[3]
    assert boxes[3][2] - boxes[3][0] == 92 and boxes[3][3] - boxes[3][1] == 61
    # Ink above the first row of pictures, below a caption, and below the last group.
    paper = grid[0, -1]
    assert (grid[: tops[0]] != paper).any()
    below_first = grid[boxes[0][3] : tops[2], :100]
    assert (below_first != paper).any()
    assert (grid[boxes[4][3] + 30 :] != paper).any()
    # A long caption stays in its cell.
    assert (grid[boxes[4][3] : boxes[4][3] + 20, 200:] == paper).all()


def test_no_picture_at_all():
    assert grouped_mosaic([]).size and mosaic([]).size
