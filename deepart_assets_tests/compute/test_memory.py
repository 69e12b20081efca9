"""Batches under a lack of memory."""

import subprocess
import sys
import weakref
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.compute import memory
from deepart_assets.compute.memory import (
    available_memory,
    is_out_of_memory,
    predict_by_group,
    predict_in_halves,
)
from deepart_assets.errors import PaintingError, UnavailableError


class Doubler:
    """Doubles numbers, at most `fits` at once."""

    def __init__(self, fits):
        self.fits, self.sizes = fits, []

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.fits:
            raise MemoryError
        return [2 * each for each in batch]


@given(st.lists(st.integers(), max_size=30), st.integers(1, 40), st.none() | st.integers(1, 40))
def test_each_item_gets_its_result_whatever_fits(items, fits, size):
    predict, sizes = Doubler(fits), []
    assert list(predict_in_halves(predict, items, size, sizes.append)) == [2 * n for n in items]
    assert max(predict.sizes, default=0) <= min(size or len(items), len(items))
    # No size that failed is tried again.
    failed = [n for n in predict.sizes if n > fits]
    assert sizes == [n // 2 for n in failed] == sorted(set(sizes), reverse=True)


def test_the_batch_stays_small_and_earlier_results_are_kept():
    predict = Doubler(3)
    assert list(predict_in_halves(predict, range(9), 8)) == [2 * n for n in range(9)]
    assert predict.sizes == [8, 4, 2, 2, 2, 2, 1]


def test_a_batch_is_predicted_when_it_is_needed():
    predict = Doubler(9)
    results = predict_in_halves(predict, range(6), 2)
    assert predict.sizes == []
    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert predict.sizes == [2, 2]


@pytest.mark.parametrize("error", [ValueError("out of memory"), RuntimeError("sizes differ")])
def test_other_errors_are_raised_at_once(error):
    calls = []

    def predict(batch):
        calls.append(batch)
        raise error

    with pytest.raises(type(error)):
        list(predict_in_halves(predict, [1, 2, 3, 4]))
    assert calls == [[1, 2, 3, 4]]


def test_a_single_item_that_does_not_fit_raises():
    predict = Doubler(0)
    with pytest.raises(MemoryError):
        list(predict_in_halves(predict, range(4)))
    assert predict.sizes == [4, 2, 1]


@given(st.lists(st.integers(0, 9), unique=True), st.sets(st.integers(0, 9)), st.integers(1, 10))
def test_an_item_that_fails_alone_leaves_the_others_theirs(items, bad, fits):
    """Whatever fits into memory; what failed for memory is not tried again with as many."""
    double = Doubler(fits)

    def predict(batch):
        results = double(batch)
        if bad & set(batch):
            raise ValueError("bad")
        return results

    found = list(predict_in_halves(predict, items, on_failure=str))
    assert found == ["bad" if item in bad else 2 * item for item in items]
    failed = [n for n in double.sizes if n > fits]
    assert failed == sorted(set(failed), reverse=True)


class Tensor:
    """Something large that a frame holds."""


@pytest.mark.parametrize(("cause", "times"), [(MemoryError, 2), (ValueError, 0)])
def test_an_item_that_fails_alone_keeps_no_memory(monkeypatch, cause, times):
    seen, released = [], []
    monkeypatch.setattr(memory, "release_memory", lambda: released.append(True))

    def run(batch):
        tensor = Tensor()
        seen.append(weakref.ref(tensor))
        raise cause

    def predict(batch):
        assert not any(each() for each in seen), "the next item finds memory free"
        try:
            run(batch)
        except Exception as error:
            raise PaintingError("memory does not hold it") from error

    errors = list(predict_in_halves(predict, [1, 2], 1, on_failure=lambda error: error))
    assert [type(each.__cause__) for each in errors] == [cause] * 2
    assert len(seen) == 2 and len(released) == times


def test_what_is_missing_for_one_is_missing_for_all():
    calls = []

    def predict(batch):
        calls.append(len(batch))
        raise UnavailableError("no weights")

    assert list(predict_in_halves(predict, [1, 2, 3], on_failure=str)) == ["no weights"] * 3
    with pytest.raises(UnavailableError):
        list(predict_in_halves(predict, [1, 2, 3]))
    assert calls == [3, 3]


ITEMS = st.lists(st.tuples(st.sampled_from("abc"), st.integers()), max_size=30)


@given(ITEMS, st.integers(1, 8), st.dictionaries(st.sampled_from("abc"), st.integers(1, 8)))
def test_groups_are_predicted_apart_and_their_limits_remembered(items, size, fits):
    def predict(key, batch):
        assert {each[0] for each in batch} == {key}
        assert len(batch) <= size
        if len(batch) > fits.get(key, size):
            raise MemoryError
        return [(key, 2 * number) for _, number in batch]

    keys, limits = [key for key, _ in items], {}
    expected = [(key, 2 * number) for key, number in items]
    assert predict_by_group(predict, items, keys, size, limits) == expected
    before = dict(limits)
    assert all(limit <= fits[key] for key, limit in limits.items())
    assert predict_by_group(predict, items, keys, size, limits) == expected
    assert limits == before


def test_as_many_keys_as_items():
    with pytest.raises(ValueError, match="shorter"):
        predict_by_group(lambda key, batch: batch, [1, 2], ["a"], 2, {})


def test_a_result_for_each_item():
    with pytest.raises(ValueError, match="zip"):
        predict_by_group(lambda key, batch: batch[1:], [1, 2], ["a", "a"], 2, {})


def test_what_out_of_memory_is():
    import torch
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

    buffer = "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 9"
    for error in (
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate"
                     " memory: you tried to allocate 9 bytes"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("std::bad_alloc"),
        RuntimeException(buffer),
        Fail("CUDA failure 2: out of memory"),
    ):  # fmt: skip
        assert is_out_of_memory(error), error
    for error in (
        RuntimeError("CUDA error: device-side assert triggered"),
        ValueError("out of memory"),
        PaintingError("out of memory with the smallest tiles"),
        RuntimeException("Got invalid dimensions for input"),
    ):
        assert not is_out_of_memory(error), error
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)  # more than any machine has
    assert is_out_of_memory(caught.value)


def test_torch_is_not_loaded_to_find_out():
    program = (
        "import sys; from deepart_assets.compute.memory import is_out_of_memory, release_memory;"
        "assert is_out_of_memory(MemoryError()); release_memory(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, 1000),
        ({"memory.max": "max\n", "memory.current": "300\n"}, 1000),
        ({"memory.max": "800\n"}, 800),
        ({"memory.max": "800\n", "memory.current": "300\n"}, 500),
        (
            {
                "memory.max": "800\n",
                "memory.current": "300\n",
                "memory.stat": "anon 100\ninactive_file 150\n",
            },
            650,
        ),
        ({"memory.max": "800\n", "memory.current": "900\n"}, 0),
        ({"memory.max": "8000\n", "memory.current": "300\n"}, 1000),
    ],
)
def test_what_a_container_has_left(monkeypatch, tmp_path, files, left):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1000))
    assert available_memory() == left
