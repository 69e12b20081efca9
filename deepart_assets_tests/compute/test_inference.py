"""Several pictures at once leave torch's number of threads as it was."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from deepart_assets.compute.inference import single_threaded_inference


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_while_any_is_inside_and_as_before_afterwards(two_threads):
    inside = threading.Barrier(3)

    def run(number):
        with single_threaded_inference():
            inside.wait(timeout=30)
            return torch.get_num_threads(), torch.is_inference_mode_enabled()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == [(1, True)] * 3
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_whoever_leaves_first_gets_its_own_number_back(two_threads):
    begun, may_end = threading.Event(), threading.Event()

    def stay():
        with single_threaded_inference():
            begun.set()
            assert may_end.wait(timeout=30)
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        with single_threaded_inference():
            other = pool.submit(stay)
            assert begun.wait(timeout=30)
        assert torch.get_num_threads() == 2
        may_end.set()
        assert other.result() == 2
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_an_error_leaves_it_as_before(two_threads):
    with pytest.raises(ValueError, match="spoilt"), single_threaded_inference():
        raise ValueError("spoilt")
    assert torch.get_num_threads() == 2
