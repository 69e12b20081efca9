import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.super_resolution import batches as module
from deepart_assets.super_resolution.batches import Batches
from deepart_assets.super_resolution.pairs import random_crop_arrays

from .pictures import pair

PAIRS = [pair("train", 1), pair("train", 2)]


def drawn(seed, count):
    generator = np.random.default_rng(seed)
    return [random_crop_arrays(PAIRS, generator, 2, 32, 2) for _ in range(count)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5))
def test_the_same_batches_in_the_same_order_also_after_an_interruption(seed, cut):
    with Batches(PAIRS, np.random.default_rng(seed), 2, 32, 2) as running:
        made = [next(running) for _ in range(cut)]
        state = running.drawn  # of what was taken, not of what the thread has cut since
    resumed = np.random.default_rng()
    resumed.bit_generator.state = state
    with Batches(PAIRS, resumed, 2, 32, 2) as running:
        made += [next(running) for _ in range(6 - cut)]
    for one, other in zip(made, drawn(seed, 6), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_leaving_ends_the_thread_even_while_it_waits():
    before = threading.active_count()
    with Batches(PAIRS, np.random.default_rng(0), 2, 32, 2) as running:
        next(running)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_what_goes_wrong_in_the_thread_is_raised_where_the_batch_is_taken(monkeypatch):
    def broken(*arguments):
        raise OSError("the disk is gone")

    monkeypatch.setattr(module, "random_crop_arrays", broken)
    with (
        Batches(PAIRS, np.random.default_rng(0), 2, 32, 2) as running,
        pytest.raises(OSError, match="the disk is gone"),
    ):
        next(running)
