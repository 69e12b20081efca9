"""Training batches, cut in a background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._thread = ThreadPoolExecutor(1, "training batches")

        def cut() -> tuple[NDArray[np.uint8], NDArray[np.uint8], Mapping[str, Any]]:
            return *random_crops(pairs, generator, sampling), generator.bit_generator.state

        self._cut = cut

    def __enter__(self) -> Batches:
        self._ahead = deque(self._thread.submit(self._cut) for _ in range(AHEAD))
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return self

    def __next__(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        self._ahead.append(self._thread.submit(self._cut))
        lr, hr, self.drawn = self._ahead.popleft().result()
        return lr, hr
