"""What tiles add to a coarse picture: their detail, and neither their colours nor their borders."""

import numpy as np
import pytest

from deepart_assets.outpainting.comodgan.refinement import grid, refined, without_halo, without_rims

SIDE = 64


def sample():
    known = np.zeros((SIDE, 150), bool)
    known[24:40, 60:90] = True
    columns = np.mgrid[:SIDE, :150][1]
    coarse = np.repeat((60 + columns * 0.6)[..., None], 3, axis=2).astype(np.float32)
    return coarse, known, grid(known, SIDE)


def test_the_colours_are_the_coarse_pictures():
    coarse, known, tiles = sample()
    painted = [np.full((SIDE, SIDE, 3), 50 * number, np.uint8) for number in range(len(tiles))]
    assert len(tiles) == 3
    result = refined(coarse, known, tiles, painted)
    away = np.abs(result - coarse)[~known]
    assert away.mean() < 2 and away.max() < 8  # the blur is flat at the borders of the picture


def test_the_detail_is_the_tiles():
    coarse, known, tiles = sample()
    fine = np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 40 + 100
    painted = [np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)] * len(tiles)
    result = refined(coarse, known, tiles, painted).astype(float)
    first = (result - coarse)[:, : SIDE // 2][~known[:, : SIDE // 2]]
    assert 18 < first.std() < 22
    assert abs(first.mean()) < 2


def test_the_rim_of_the_subject_is_the_tiles_own():
    """What the coarse picture continues there, over more of the picture, is not taken over."""
    coarse, known, tiles = sample()
    smudged = coarse.copy()
    smudged[23:41, 59:91] = 0
    painted = [np.full((SIDE, SIDE, 3), 90, np.uint8)] * len(tiles)
    results = [refined(each, known, tiles, painted) for each in (coarse, smudged)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("halo", [0, 230])
def test_the_subjects_colours_do_not_go_on_around_it_and_detail_stays(halo):
    rows, columns = np.indices((128, 128))
    away = np.hypot(rows - 70, columns - 64) - 25
    known = away <= 0
    ground = 100 + (rows + columns) % 2 * 20
    painted = np.where(away < 3, halo + (rows + columns) % 2 * 20, ground)
    result = without_halo(np.repeat(painted[..., None], 3, axis=2).astype(np.uint8), known)
    ring, far = (away > 0.5) & (away < 2.5), away > 11
    assert abs(painted[ring].mean() - 110) > 100
    assert abs(result[ring].mean() - 110) < 20
    assert result[ring].std() > 5
    np.testing.assert_array_equal(result[far, 0], painted[far])


def test_without_a_subject_there_is_no_halo():
    painted = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(without_halo(painted, np.zeros((64, 64), bool)), painted)


def test_the_frame_that_the_network_paints_is_left_out():
    painted = np.full((2, SIDE, SIDE, 3), 90, np.uint8)
    painted[:, [0, 1, -2, -1]] = 200
    painted[:, :, [0, 1, -2, -1]] = 200
    assert np.unique(without_rims(painted)).tolist() == [90]
