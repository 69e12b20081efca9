"""Which parts of a picture the network enlarges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.upscaling.parts import cover, fixed_parts
from deepart_assets.super_resolution.upscaling.upscaler import enlarge

from .pictures import texture


def cost(parts, overlap):
    sides = [(r.stop - r.start + 2 * overlap, c.stop - c.start + 2 * overlap) for r, c in parts]
    return sum(height * width for height, width in sides)  # as if no part were at the border


def covered(parts, shape):
    counts = np.zeros(shape, int)
    for part in parts:
        counts[part] += 1
    return counts


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 200), st.integers(0, 3))
def test_all_that_is_wanted_is_in_exactly_one_part_of_at_most_a_tile(height, width, tile, seed):
    random = np.random.default_rng(seed)
    wanted = np.zeros((height, width), bool)
    for _ in range(seed):
        top, left = random.integers(height), random.integers(width)
        wanted[top : top + 40, left : left + 70] = True
    for found in (cover(wanted, tile, 8), fixed_parts(wanted, tile, 8)):
        counts = covered(found, wanted.shape)
        assert counts.max(initial=0) <= 1 and (counts[wanted] == 1).all()
        assert all(wanted[part].any() for part in found)
        assert all(max(r.stop - r.start, c.stop - c.start) <= tile for r, c in found)
        assert all(r.stop <= height and c.stop <= width for r, c in found)


def test_a_hole_in_the_middle_is_left_out():
    wanted = np.ones((512, 768), bool)
    wanted[128:384, 192:576] = False
    found = cover(wanted, 256, 8)
    whole = cover(np.ones_like(wanted), 256, 8)
    assert len(whole) == 6
    assert cost(found, 8) < 0.8 * cost(whole, 8)
    assert np.array_equal(covered(found, wanted.shape) > 0, wanted)


def test_a_fixed_part_does_not_depend_on_what_else_is_wanted():
    one = np.zeros((400, 700), bool)
    one[50:90, 60:200] = True
    both = one.copy()
    both[300, 600] = True
    assert set(map(str, fixed_parts(one, 256, 8))) < set(map(str, fixed_parts(both, 256, 8)))


@pytest.mark.parametrize("batch", [1, 3])
def test_parts_are_enlarged_as_the_whole_is_and_the_rest_is_black(batch):
    import torch

    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 48, 5, padding=2), torch.nn.PixelShuffle(4), torch.nn.Sigmoid()
    ).eval()
    picture = texture(70, 90)
    chosen = Upscaling(tile=32, overlap=4, batch=batch)
    parts = [
        (slice(0, 30), slice(3, 33)),
        (slice(40, 70), slice(60, 90)),
        (slice(35, 36), slice(0, 1)),
    ]
    whole, some = enlarge(net, picture, chosen), enlarge(net, picture, chosen, parts)
    inside = np.kron(covered(parts, (70, 90)), np.ones((4, 4), int)) > 0
    assert np.abs(some[inside].astype(int) - whole[inside]).max() <= 1
    assert not some[~inside].any()
