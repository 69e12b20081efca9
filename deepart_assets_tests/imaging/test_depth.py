import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepart_assets.imaging import depth


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_it_is_the_distance_from_the_nearest_pixel_outside(mask):
    outside = np.argwhere(~mask)
    rows, columns = np.indices(mask.shape)
    squares = [(rows - row) ** 2 + (columns - column) ** 2 for row, column in outside]
    expected = np.sqrt(np.min(squares, axis=0)) if squares else np.full(mask.shape, np.inf)
    assert np.array_equal(depth(mask), expected.astype(np.float32))


@pytest.mark.parametrize("shift", range(8))
def test_it_is_the_same_wherever_the_mask_is_in_memory(shift):
    rows, columns = np.mgrid[:52, :48]
    mask = (rows - 26) ** 2 + (columns - 24) ** 2 > 15**2
    moved = np.empty(mask.size + shift, bool)[shift:].reshape(mask.shape)
    moved[:] = mask
    kept = []  # so that the results' places differ too
    for _ in range(20):
        kept += [depth(moved), np.empty(500 * shift + 16, np.uint8)]
        assert np.array_equal(kept[-2], depth(mask))
