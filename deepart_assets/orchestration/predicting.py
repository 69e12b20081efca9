"""Paintings read ahead in threads and predicted in batches: to each its own result or fault."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from deepart_assets.compute.memory import predict_in_halves
from deepart_assets.orchestration.context import BatchedPrediction, Painting
from deepart_assets.storage import StageResult
from deepart_assets.work import in_parallel


@dataclass(frozen=True)
class Failed:
    """An exception in place of an item, a result or an output."""

    error: Exception


class Predicted(NamedTuple):
    """A painting that has been predicted."""

    painting: Painting
    finish: Callable[[], StageResult]
    """Finishes its work, or raises its own error."""
    seconds: float
    """Spent on it so far."""


class _Read(NamedTuple):
    painting: Painting
    item: Any
    seconds: float


def run_batches(
    prediction: BatchedPrediction[Any, Any], paintings: Iterable[Painting], threads: int
) -> Iterator[Predicted]:
    """Predict paintings in batches, in the calling thread.

    While a batch is predicted, `threads` threads read the paintings of the next one, and as many
    more as there are threads.
    """
    read = partial(_read, prediction)
    batch: list[_Read] = []
    with closing(in_parallel(read, paintings, threads, prediction.size + threads)) as items:
        for each in items:
            batch.append(each)
            if len(batch) == prediction.size:
                yield from _predict(prediction, batch)
                batch = []
    yield from _predict(prediction, batch)


def _read(prediction: BatchedPrediction[Any, Any], painting: Painting) -> _Read:
    start = time.perf_counter()
    try:
        item = prediction.read(painting)
    except Exception as error:
        item = Failed(error)
    return _Read(painting, item, time.perf_counter() - start)


def _predict(
    prediction: BatchedPrediction[Any, Any], batch: Sequence[_Read]
) -> Iterator[Predicted]:
    start = time.perf_counter()
    good = [each.item for each in batch if not isinstance(each.item, Failed)]
    results = predict_in_halves(prediction.predict, good, on_failure=Failed)
    found = [each.item if isinstance(each.item, Failed) else next(results) for each in batch]
    spent = (time.perf_counter() - start) / max(1, len(batch))
    for each, result in zip(batch, found, strict=True):
        finish = partial(_finish, prediction, each.painting, each.item, result)
        yield Predicted(each.painting, finish, each.seconds + spent)


def _finish(
    prediction: BatchedPrediction[Any, Any], painting: Painting, item: Any, result: Any
) -> StageResult:
    for each in (item, result):
        if isinstance(each, Failed):
            raise each.error
    return prediction.finish(painting, item, result)
