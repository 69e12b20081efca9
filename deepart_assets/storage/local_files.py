"""Atomic writes, stamps and locks of files in a local folder."""

import contextlib
import errno
import json
import os
import re
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepart_assets.errors import UnavailableError

ORPHAN_SECONDS = 3600.0
"""A temporary file unmodified for this long was left by a killed process."""

_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{32}\.tmp")
"""Temporary names of files being written."""


SETTLED_NS = 2_000_000_000
"""What was modified within this time may change again and keep its modification time."""


def stamp_of_file(file: "os.PathLike[str] | str") -> str | None:
    """Return size and modification time of a regular file, or None if there is none."""
    try:
        state = os.stat(file)  # noqa: PTH116 - a Path would be parsed for each of many files
    except FileNotFoundError:  # removed since it was listed
        return None
    return f"{state.st_size} {state.st_mtime_ns}" if stat.S_ISREG(state.st_mode) else None


_REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there, or raise the quota",
    errno.EROFS: "mount it for writing",
    errno.EACCES: "let this user write there",
    errno.EPERM: "let this user write there",
}


@contextlib.contextmanager
def with_remedy(place: str, setting: str) -> Iterator[None]:
    """Tell what to do where a folder cannot be written to.

    Args:
        place: The folder, for the message.
        setting: What says where it is.

    Raises:
        UnavailableError: The disk is full or read-only, or the user may not write there. Other
            errors pass.
    """
    try:
        yield
    except OSError as error:
        if (remedy := _REMEDIES.get(error.errno or 0)) is None:
            raise
        raise UnavailableError(
            f"{place} cannot be written to ({os.strerror(error.errno or 0)}): {remedy}, or choose"
            f" another folder with {setting}"
        ) from None


def lock_file(
    path: Path, stack: contextlib.ExitStack, on_wait: Callable[[], None] = lambda: None
) -> None:
    """Lock a hidden file beside `path` until the stack closes, then remove it.

    The kernel releases the lock of a killed process. On a file system without locks this does
    nothing. `on_wait` is called before waiting for another process.
    """
    path = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, poll_interval=0.02, fallback_to_soft=False)
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            on_wait()
            lock.acquire()
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            return
        raise
    stack.callback(lock.release)
    stack.callback(path.unlink, missing_ok=True)  # runs before the release


def write_atomic(target: Path, data: bytes) -> str | None:
    """Write atomically, flush to the disk and return the stamp."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{os.getpid()}.{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        stamp = stamp_of_file(temporary)  # before others can replace it
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return stamp


def sweep(folder: Path) -> None:
    """Remove temporary files in `folder` and below that are older than `ORPHAN_SECONDS`."""
    latest = time.time() - ORPHAN_SECONDS
    for inside, _, names in os.walk(folder):
        for file in (Path(inside, name) for name in names if _TEMPORARY.fullmatch(name)):
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime < latest:
                    file.unlink()


class StateFile:
    """A small JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Any]:
        """Return the stored content; empty if there is none or it is damaged."""
        try:
            content = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def store(self, content: dict[str, Any]) -> None:
        """Replace the content atomically."""
        write_atomic(self._path, json.dumps(content).encode())
