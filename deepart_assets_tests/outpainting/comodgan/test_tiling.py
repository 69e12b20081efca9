"""Where tiles lie and in which order, for any picture and subject."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.outpainting.comodgan.refinement import grid
from deepart_assets.outpainting.comodgan.tiling import waves

SIDE = 16


@st.composite
def subjects(draw):
    height, width = (draw(st.integers(SIDE, 5 * SIDE)) for _ in range(2))
    known = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 3))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        rows, columns = draw(st.integers(1, height)), draw(st.integers(1, width))
        known[top : top + rows, left : left + columns] = True
    return known


@settings(max_examples=150, deadline=None)
@given(subjects())
def test_every_hole_is_reached_from_what_is_known(known):
    done = known.copy()
    for group in waves(known, SIDE):
        for k, tile in enumerate(group):
            assert 0 <= tile.row <= known.shape[0] - SIDE
            assert 0 <= tile.column <= known.shape[1] - SIDE
            assert not known[tile.window].all()
            assert not any(tile.overlaps(other) for other in group[:k])
            assert done[tile.window].any(), "a tile sees nothing known"
        for tile in group:
            done[tile.window] = True
    assert done.all()


@settings(max_examples=50, deadline=None)
@given(subjects())
def test_a_tile_comes_after_what_is_nearer_to_the_subject(known):
    """Painted in groups or one after another, a tile sees the same."""
    groups = waves(known, SIDE)
    flat = [(number, tile) for number, group in enumerate(groups) for tile in group]
    for number, tile in flat:
        if number:
            assert any(tile.overlaps(before) for before in groups[number - 1])


def test_the_published_offsets():
    """The subject in the middle of 1024×586: the offsets that the published inference has."""
    known = np.zeros((1024, 586), bool)
    known[512, 293] = True
    tiles = [tile for group in waves(known, 512) for tile in group]
    assert {tile.row for tile in tiles} == {256, 0, 512}
    assert {tile.column for tile in tiles} == {37, 0, 74}
    assert (tiles[0].row, tiles[0].column) == (256, 37)


@given(st.integers(512, 2048), st.floats(0, 1))
def test_no_tile_is_painted_for_a_narrow_strip(length, place):
    """A subject beside the middle costs no tile more than one where tiles fall into place."""
    known = np.zeros((512, length), bool)
    known[256, round(place * (length - 1))] = True
    offsets = sorted(tile.column for group in waves(known, 512) for tile in group)
    steps = np.diff(offsets)
    assert offsets[0] == 0 and offsets[-1] == length - 512
    assert (steps <= 256).all()
    # Two strips that are narrow enough together could have been saved.
    narrow = [step for step in (steps[0], steps[-1]) if step < 256] if len(steps) > 1 else []
    assert len(narrow) < 2 or sum(narrow) > 256 or min(narrow) > 32


def test_a_subject_a_pixel_off_the_middle_costs_no_tiles():
    known = np.zeros((1024, 1024), bool)
    known[511, 513] = True
    assert sum(map(len, waves(known, 512))) == 9


def test_independent_tiles_go_together():
    known = np.zeros((16, 64), bool)
    known[:, 30:35] = True
    assert [[tile.column for tile in group] for group in waves(known, 16)] == [
        [24], [16, 32], [8, 40], [0, 48],
    ]  # fmt: skip


def test_a_finished_picture_has_no_tiles():
    done = np.ones((40, 40), bool)
    assert waves(done, 16) == grid(done, 16) == []


@settings(max_examples=150, deadline=None)
@given(subjects())
def test_a_grid_covers_every_hole_with_overlap(known):
    done, tiles = known.copy(), grid(known, SIDE)
    for tile in tiles:
        assert 0 <= tile.row <= known.shape[0] - SIDE
        assert 0 <= tile.column <= known.shape[1] - SIDE
        assert not known[tile.window].all()
        done[tile.window] = True
    assert done.all()
    for offsets in ({tile.row for tile in tiles}, {tile.column for tile in tiles}):
        if not known[0].any() and not known[:, 0].any():
            assert (np.diff(sorted(offsets)) <= 0.75 * SIDE).all()
