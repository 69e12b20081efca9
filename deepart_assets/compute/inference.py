"""Inference of small networks on one thread each, from several threads at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_numbers: list[int] = []
"""The number of threads to restore, for each thread that is inside."""


@contextmanager
def single_threaded_inference() -> Iterator[None]:
    """Run small networks: on a busy machine several threads wait for each other.

    Each thread has a number of its own in torch, and a new one takes what was set last, which may
    be the 1 of a thread that is inside: so all of them get back the largest.
    """
    import torch

    with _lock:
        before = max([torch.get_num_threads(), *_numbers])
        _numbers.append(before)
        torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        with _lock:
            _numbers.remove(before)
            torch.set_num_threads(before)
