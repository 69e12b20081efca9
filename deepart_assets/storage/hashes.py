"""SHA-256 of bytes, JSON and files."""

import hashlib
import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepart_assets.storage.local_files import SETTLED_NS


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_json(content: Any) -> str:
    """Return the SHA-256 of canonical JSON; other values are converted with `str`."""
    return sha256_of(_CANONICAL.encode(content).encode())


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)
"""Kept, as `json.dumps` would make one for each of a hundred thousand hashes."""


def sha256_of_file(file: Path) -> str:
    """Return the SHA-256 of a local file as 64 hexadecimal digits.

    A process reads a file once while its inode, size and modification time stay the same: every run
    asks for the hashes of all weights.
    """
    state = file.stat()
    if time.time_ns() - state.st_mtime_ns < SETTLED_NS:
        return _digest(file)
    return _kept_digest(file, (state.st_ino, state.st_size, state.st_mtime_ns))


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@lru_cache(maxsize=4096)
def _kept_digest(file: Path, stamp: tuple[int, int, int]) -> str:
    return _digest(file)
