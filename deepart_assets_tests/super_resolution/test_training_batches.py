import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.settings.training import Degradations
from deepart_assets.super_resolution.data.pairs import Sampling, random_crops
from deepart_assets.super_resolution.training import batches as module
from deepart_assets.super_resolution.training.batches import Batches
from deepart_assets.super_resolution.training.dist import DistContext

from .pictures import pair

PAIRS = [pair("train", 1), pair("train", 2)]
SAMPLING = Sampling(batch=2, crop=32, context=2)


def drawn(seed, count):
    generator = np.random.default_rng(seed)
    return [random_crops(PAIRS, generator, SAMPLING) for _ in range(count)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5))
def test_the_same_batches_in_the_same_order_also_after_an_interruption(seed, cut):
    with Batches(PAIRS, np.random.default_rng(seed), SAMPLING) as running:
        made = [next(running) for _ in range(cut)]
        state = running.drawn  # of what was taken, not of what the thread has cut since
    resumed = np.random.default_rng()
    resumed.bit_generator.state = state
    with Batches(PAIRS, resumed, SAMPLING) as running:
        made += [next(running) for _ in range(6 - cut)]
    for one, other in zip(made, drawn(seed, 6), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_leaving_ends_the_thread_even_while_it_waits():
    before = threading.active_count()
    with Batches(PAIRS, np.random.default_rng(0), SAMPLING) as running:
        next(running)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_what_goes_wrong_in_the_thread_is_raised_where_the_batch_is_taken(monkeypatch):
    def broken(*arguments):
        raise OSError("the disk is gone")

    monkeypatch.setattr(module, "random_crops", broken)
    with (
        Batches(PAIRS, np.random.default_rng(0), SAMPLING) as running,
        pytest.raises(OSError, match="the disk is gone"),
    ):
        next(running)


@given(st.integers(0, 1000), st.integers(1, 3), st.sampled_from([None, Degradations()]))
@settings(max_examples=10, deadline=None)
def test_processes_cut_their_shards_of_one_batch(seed, size, degradations):
    whole = replace(SAMPLING, batch=2 * size, degradations=degradations)
    shards = [replace(whole, shard=DistContext(rank, size).shard(2)) for rank in range(size)]
    lr, hr = random_crops(PAIRS, np.random.default_rng(seed), whole)
    made = [random_crops(PAIRS, np.random.default_rng(seed), each) for each in shards]
    assert np.array_equal(np.concatenate([each[0] for each in made]), lr)
    assert np.array_equal(np.concatenate([each[1] for each in made]), hr)


@pytest.mark.parametrize("off", ["mirrored", "turned"])
def test_orientations_can_be_switched_off(off):
    """One crop fits into the pair, so that only its orientation is left to chance."""
    only = [pair("train", 1, 48, 48)]
    sampling = replace(SAMPLING, batch=60, crop=48, context=0)
    counts = [
        len({crop.tobytes() for crop in random_crops(only, np.random.default_rng(0), each)[1]})
        for each in (sampling, replace(sampling, **{off: False}))
    ]
    assert counts == [8, 4 if off == "mirrored" else 2]
