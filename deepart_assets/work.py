"""Work on many files in threads, with bounded memory."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WORKERS = min(32, (os.cpu_count() or 1) + 2)
"""Files held in memory at a time. Decoding and hashing leave Python's lock to others, and the two
more than there are cores wait for the disk."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    call: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    ahead: int | None = None,
) -> Generator[Result]:
    """Yield the results of `call` in the order of the items, from threads: `workers` or `WORKERS`.

    Never more than `ahead` items, or 16 for each worker, are begun before the result that is due
    is taken, so that neither they nor their results pile up.
    """
    due: deque[Callable[[], Result]] = deque()
    workers = workers or WORKERS
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            due.append(pool.submit(call, item).result)
            if len(due) >= (ahead or 16 * workers):
                yield due.popleft()()
        while due:
            yield due.popleft()()
    finally:
        pool.shutdown(cancel_futures=True)


def once(call: Callable[[], Result]) -> Callable[[], Result]:
    """Return a function that calls `call` at its first call alone, whichever threads call it."""
    lock, results = threading.Lock(), list[Result]()

    def result() -> Result:
        with lock:
            if not results:
                results.append(call())
        return results[0]

    return result


class MemoryBudget:
    """A budget that several threads share, first come, first served."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._queue = threading.Lock()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def reserve(self, amount: int) -> Iterator[None]:
        """Wait until `amount` is free; more than the whole budget waits for all of it."""
        amount = min(amount, self._size)
        # Held while waiting, so that small amounts cannot overtake a large one for ever.
        with self._queue, self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()
