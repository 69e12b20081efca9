"""Whether libraries may fetch models now, and who hears how far they are.

huggingface_hub and rembg fetch to folders of their own and report on the terminal alone, where a
step has none. `downloads` are the project's own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from deepart_assets.errors import NotFetchedError
from deepart_assets.progress import REPORT_SECONDS, Progress

Report = Callable[[str], object]


@dataclass(frozen=True)
class Fetching:
    """What holds while a stage looks for its models.

    Attributes:
        allowed: Whether what is not on this machine is fetched.
        report: Called with log lines.
    """

    allowed: bool = True
    report: Report = lambda text: None


_ANYTHING = Fetching()
_CURRENT: ContextVar[Fetching] = ContextVar("fetching", default=_ANYTHING)


@contextmanager
def fetching(allowed: bool, report: Report) -> Iterator[None]:
    """Set what holds in this thread, until the end of the `with` statement."""
    token = _CURRENT.set(Fetching(allowed, report))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def may_fetch() -> bool:
    """Return whether what is not on this machine may be fetched."""
    return _CURRENT.get().allowed


def not_fetched(name: str) -> NotFetchedError:
    """Return the error for what is not on this machine while nothing may be fetched."""
    return NotFetchedError(f"{name} is not on this machine yet: the next run fetches it")


@contextmanager
def reported(name: str, folder: Path, seconds: float | None = None) -> Iterator[None]:
    """Report how fast a folder grows while a library fetches something to it.

    Args:
        name: What is fetched.
        folder: Where its files are meanwhile; it need not exist yet.
        seconds: Between two looks; by default between two reports.
    """
    report, ended = _CURRENT.get().report, threading.Event()
    start = _size(folder)
    progress = Progress(name, 0, None, report, in_bytes=True)

    def watch() -> None:
        while not ended.wait(REPORT_SECONDS if seconds is None else seconds):
            progress.update(max(0, _size(folder) - start))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _size(folder: Path) -> int:
    """Return the bytes in a folder; its links, as of the hub's snapshots, do not count."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # it may be moved meanwhile
            total += 0 if file.is_symlink() else file.stat().st_size
    return total
