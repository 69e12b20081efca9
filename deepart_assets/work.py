"""Long work on many files: threads, memory and saving what is done."""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

WORKERS = min(32, (os.cpu_count() or 1) + 2)
"""Files held in memory at a time. Decoding and hashing leave Python's lock to others, and the two
more than there are cores wait for the disk."""

SAVE_SECONDS = 60.0
"""So much work is lost at most when a process is killed."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    call: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Generator[Result]:
    """Yield the results of `call` in the order of the items, from threads: `workers` or `WORKERS`.

    Never more than a few items are begun ahead of the result that is due, so that neither they
    nor their results pile up.
    """
    due: deque[Callable[[], Result]] = deque()
    workers = workers or WORKERS
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            due.append(pool.submit(call, item).result)
            if len(due) >= 16 * workers:
                yield due.popleft()()
        while due:
            yield due.popleft()()
    finally:
        pool.shutdown(cancel_futures=True)


class Saver:
    """Saves what is done so far, now and then."""

    def __init__(self, save: Callable[[], object]) -> None:
        self._save = save
        self._saved = time.monotonic()

    def now_and_then(self) -> None:
        """Save, if that was last done some time ago."""
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self.now()

    def now(self) -> None:
        """Save."""
        self._save()
        self._saved = time.monotonic()


class Room:
    """A budget that several threads share, first come, first served."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Wait until there is room for `amount`; more than the whole budget waits for all of it."""
        amount = min(amount, self._size)
        # Held while waiting: else small ones would pass a large one for ever.
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()
