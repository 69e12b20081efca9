"""Inference of small networks on one thread each, from several threads at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _OneThread:
    """The number of torch's threads is 1 while any thread is inside."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 1

    def __enter__(self) -> None:
        import torch

        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(1)  # also in this thread, which has a number of its own

    def __exit__(self, *_: object) -> None:
        import torch

        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.set_num_threads(self._before)


_one_thread = _OneThread()


@contextmanager
def single_threaded_inference() -> Iterator[None]:
    """Run small networks: on a busy machine several threads wait for each other."""
    import torch

    with _one_thread, torch.inference_mode():
        yield
