"""Training batches, cut in a background thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data.pairs import Pair, Sampling, random_crops

AHEAD = 2
"""Batches prepared in advance."""


class Batches:
    """An iterator of (LR, HR) batches as returned by `pairs.random_crops`, in the order drawn.

    Use it as a context manager; leaving it ends the thread. Exceptions of the thread are raised by
    `next`.

    Attributes:
        drawn: State of the generator after the last batch taken, from which the next one follows;
            the generator itself runs ahead.
    """

    def __init__(
        self, pairs: Sequence[Pair], generator: np.random.Generator, sampling: Sampling
    ) -> None:
        self.drawn: Mapping[str, Any] = generator.bit_generator.state
        self._make = lambda: random_crops(pairs, generator, sampling)
        self._generator = generator
        self._ready: queue.Queue[Any] = queue.Queue(AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="training batches", daemon=True)

    def __enter__(self) -> Batches:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        while self._thread.is_alive():
            try:
                self._ready.get_nowait()  # unblocks a thread that waits for room
            except queue.Empty:
                self._thread.join(0.01)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return self

    def __next__(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        made = self._ready.get()
        if isinstance(made, BaseException):
            raise made
        lr, hr, self.drawn = made
        return lr, hr

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                lr, hr = self._make()
                self._ready.put((lr, hr, self._generator.bit_generator.state))
        except BaseException as error:
            self._ready.put(error)
