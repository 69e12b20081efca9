"""Atomic writes, stamps and locks of files in a local folder."""

import contextlib
import errno
import os
import re
import stat
import time
import uuid
from pathlib import Path

from filelock import FileLock

ABANDONED = 3600.0
"""Seconds after which a temporary file that nobody wrote to belongs to no living process."""

_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{32}\.tmp")
"""The names under which files are written before they get their own."""


def stamp_of_file(entry: "os.DirEntry[str] | Path") -> str | None:
    """Return size in bytes and time of a file, or None where there is none."""
    try:
        state = entry.stat()
    except FileNotFoundError:  # removed since it was listed
        return None
    return f"{state.st_size} {state.st_mtime_ns}" if stat.S_ISREG(state.st_mode) else None


def hold(path: Path, stack: contextlib.ExitStack) -> None:
    """Hold a lock on a hidden file until the stack ends.

    The kernel frees the lock of a killed process. The file is removed when the lock is released. On
    a file system without locks nobody waits.
    """
    path = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, poll_interval=0.02, fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            return
        raise
    stack.callback(lock.release)
    stack.callback(path.unlink, missing_ok=True)  # runs first, while the lock is still held


def write_whole(target: Path, data: bytes) -> str | None:
    """Write atomically, flushed to the disk, and return the stamp."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{os.getpid()}.{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        stamp = stamp_of_file(temporary)  # before the name is one that others may write to
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return stamp


def sweep(folder: Path) -> int:
    """Remove temporary files directly in `folder` that are `ABANDONED`; return how many."""
    latest, removed = time.time() - ABANDONED, 0
    try:
        with os.scandir(folder) as entries:
            left = [Path(each.path) for each in entries if _TEMPORARY.fullmatch(each.name)]
    except FileNotFoundError:
        return 0
    for file in left:
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < latest:
                file.unlink()
                removed += 1
    return removed
