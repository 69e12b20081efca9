"""What tiles add to a coarse picture: their detail, and neither their colours nor their borders."""

import numpy as np

from deepart_assets.outpainting.comodgan.refinement import grid, refined

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
