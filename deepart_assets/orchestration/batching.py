"""Several paintings at once: read, predicted together, ended one by one.

Belongs here: that one bad painting, or too little memory for all, stops no other. Does not belong
here: which paintings are due, and what is recorded of them (`batch`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from deepart_assets.errors import UnavailableError
from deepart_assets.orchestration.context import BatchedPrediction, Painting
from deepart_assets.storage import StageResult
from deepart_assets.work import in_parallel

READERS = 4
"""Pictures decoded at once. Each may take a gigabyte."""


def run_batch(
    together: BatchedPrediction[Any, Any], paintings: Sequence[Painting]
) -> list[Callable[[], StageResult]]:
    """Read and predict; return for each painting what ends its work, or raises its own fault."""

    def read(painting: Painting) -> Any:
        try:
            return together.read(painting)
        except Exception as error:
            return _Fault(error)

    items = list(in_parallel(read, paintings, READERS))
    good = [item for item in items if not isinstance(item, _Fault)]
    results = iter(_predicted(together, good))
    found = [item if isinstance(item, _Fault) else next(results) for item in items]
    return [
        partial(_ended, together, painting, item, result)
        for painting, item, result in zip(paintings, items, found, strict=True)
    ]


def _predicted(together: BatchedPrediction[Any, Any], items: Sequence[Any]) -> list[Any]:
    """Predict all at once, or by halves where that raises."""
    if not items:
        return []
    try:
        return list(together.predict(items))
    except Exception as error:
        # What is missing for one is missing for all.
        if len(items) == 1 or isinstance(error, UnavailableError):
            return [_Fault(error)] * len(items)
        half = len(items) // 2
    # Outside of the handler, which would keep alive what is in memory.
    return [*_predicted(together, items[:half]), *_predicted(together, items[half:])]


def _ended(
    together: BatchedPrediction[Any, Any], painting: Painting, item: Any, result: Any
) -> StageResult:
    for each in (item, result):
        if isinstance(each, _Fault):
            raise each.error
    return together.finish(painting, item, result)


class _Fault:
    """An exception in place of an item or a result."""

    def __init__(self, error: Exception) -> None:
        self.error = error
