"""Batches that shrink when memory runs out."""

import gc
import itertools
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from deepart_assets.errors import UnavailableError

_MESSAGES = (
    "out of memory",  # CUDA
    "defaultcpuallocator",  # torch on a CPU
    "bad_alloc",  # C++
    "failed to allocate",  # OpenVINO and onnxruntime
    "alloc_failed",  # cuBLAS and cuDNN
)
"""What the allocators say in exceptions that have no type of their own."""

_CONTAINER = Path("/sys/fs/cgroup")
"""Where a container finds its own limit and use of memory (cgroup v2)."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Key = TypeVar("Key", bound=Hashable)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that a GPU or the machine is out of memory."""
    torch = sys.modules.get("torch")  # if it is not loaded, the error is not torch's
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    if not (isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")):
        return False
    message = str(error).lower()
    return any(words in message for words in _MESSAGES)


def available_memory() -> int:
    """Return the main memory in bytes that a program could still have, within its container."""
    import psutil

    available = int(psutil.virtual_memory().available)
    limit = _of_container("memory.max").strip()
    if not limit.isdecimal():  # "max", or there is no such file
        return available
    stat = dict(line.split() for line in _of_container("memory.stat").splitlines())
    used = int(_of_container("memory.current") or 0) - int(stat.get("inactive_file", 0))
    return min(available, max(0, int(limit) - used))


def _of_container(name: str) -> str:
    """Return what a file says of the container's memory; "" where there is none."""
    try:
        return (_CONTAINER / name).read_text()
    except OSError:
        return ""


def release_memory() -> None:
    """Collect garbage, and return the GPU memory that torch caches."""
    # What a failed batch leaves is young; a full collection takes a tenth of a second.
    gc.collect(1)
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _let_go(error: BaseException) -> None:
    """Free what the frames behind an error hold, which is kept while others are predicted."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in chain:
            chain.append(each)
            waiting += [each.__cause__, each.__context__]
            traceback.clear_frames(each.__traceback__)
    if any(is_out_of_memory(each) for each in chain):
        release_memory()


def predict_in_halves(
    predict: Callable[[Sequence[Item]], Iterable[Result]],
    items: Sequence[Item],
    size: int | None = None,
    on_halved: Callable[[int], None] | None = None,
    on_failure: Callable[[Exception], Result] | None = None,
) -> Iterator[Result]:
    """Predict items in batches, and halve the batch size each time memory runs out.

    What was predicted before is kept. A batch is predicted when its first result is asked for.
    With `on_failure`, a batch that fails for another reason is divided until each item has its own
    result or error; the batch size stays.

    Args:
        predict: Returns one result for each item. It may be called again with some of the items
            of a call that ran out of memory.
        items: The items, in the order of the results.
        size: The batch size to begin with; None takes all items at once.
        on_halved: Is given each new batch size.
        on_failure: Returns a result in place of an item that fails alone. An UnavailableError is
            that of all items of the batch: what is missing for one is missing for all.

    Raises:
        Exception: Any error of `predict`, unless it is out of memory with more than one item or
            there is `on_failure`.
    """
    size = size or max(1, len(items))
    start = 0

    def shrink(fewer: int) -> None:
        nonlocal size
        size = fewer
        if on_halved is not None:
            on_halved(fewer)

    while start < len(items):
        batch = items[start : start + size]
        results: Iterable[Result] | None = None
        try:
            results = list(predict(batch))
        except Exception as error:
            is_short = is_out_of_memory(error)
            if len(batch) == 1 or isinstance(error, UnavailableError):
                if on_failure is None:
                    raise
                _let_go(error)
                results = [on_failure(error)] * len(batch)
            elif on_failure is None and not is_short:
                raise
        # Outside of the handler: the traceback holds the tensors that were too many.
        if results is None and is_short:
            release_memory()
            shrink(len(batch) // 2)
            continue
        if results is None:
            half = len(batch) // 2
            halves = (batch[:half], batch[half:])
            results = itertools.chain.from_iterable(
                predict_in_halves(predict, part, size, shrink, on_failure) for part in halves
            )
        yield from results
        start += len(batch)


def predict_by_group(
    predict: Callable[[Key, Sequence[Item]], Iterable[Result]],
    items: Sequence[Item],
    keys: Sequence[Key],
    size: int,
    limits: MutableMapping[Key, int],
) -> list[Result]:
    """Predict the items that have the same key together, as `predict_in_halves` does.

    Args:
        predict: Is given a key and some of its items; returns one result for each.
        items: The items.
        keys: The key of each item, such as the size of a picture.
        size: The largest batch.
        limits: The batch size that has turned out to fit, by key: read and updated.

    Returns:
        The results in the order of the items.

    Raises:
        ValueError: There are not as many keys as items.
    """
    groups: dict[Key, list[int]] = defaultdict(list)
    for index, (_, key) in enumerate(zip(items, keys, strict=True)):
        groups[key].append(index)
    found: dict[int, Result] = {}
    for key, indices in groups.items():
        results = predict_in_halves(
            partial(predict, key),
            [items[each] for each in indices],
            limits.get(key, size),
            partial(limits.__setitem__, key),
        )
        found.update(zip(indices, results, strict=True))
    return [found[index] for index in range(len(items))]
