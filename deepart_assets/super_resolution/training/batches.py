"""Training batches, prepared in a thread while the one before is trained on.

Belongs here: preparing ahead without changing what is drawn. Does not belong here: how a crop is
cut (`pairs`).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data.pairs import Pair, Sampling, random_crops

AHEAD = 2
"""Batches that wait at most: one is cut while another waits."""


class Batches:
    """An iterator of (LR, HR) as `pairs.random_crops` gives them, in the order drawn.

    The generator runs ahead of the training, so its state is handed on with each batch: `drawn` is
    the state after the last batch that was taken, from which the next one follows.

    Use it as a context manager; leaving it ends the thread. What goes wrong in the thread is raised
    where the batch is taken.
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
                self._ready.get_nowait()  # makes room for a thread that waits
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
