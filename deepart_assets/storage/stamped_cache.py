"""A cache of values computed from files, valid while a file keeps its stamp or content."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, Self

from deepart_assets.storage.lake import Lake

SAVE_SECONDS = 60.0
"""A killed process loses at most this much work."""


class CacheEntry(NamedTuple):
    """The stamp and SHA-256 of a file when its value, any JSON, was computed."""

    stamp: str | None
    sha256: str
    value: Any = None


class StampedCache:
    """Entries by path, each valid for one stamp and SHA-256 of its file.

    The cache is one JSON-lines file in the lake, which may be deleted at any time. Damaged lines
    and a file of another version are ignored. As a context manager it saves on exit, also after an
    exception; `put` saves at most every `SAVE_SECONDS`. Only one thread may write.

    Args:
        lake: The lake with the file; None keeps entries in memory only.
        path: The file's path in the lake.
        version: Version of the computation; entries of other versions are dropped.
    """

    def __init__(self, lake: Lake | None = None, path: str = "", version: str = "1") -> None:
        self._lake, self._path, self._version = lake, path, version
        self._entries: dict[str, CacheEntry] = {}
        self._by_content: dict[str, CacheEntry] = {}
        if lake is not None:
            self._load(lake)
        self._is_changed = False
        self._saved_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.save()

    def get(self, path: str) -> CacheEntry | None:
        """Return the entry of a path, even if the file has changed."""
        return self._entries.get(path)

    def unchanged(self, path: str, stamp: str | None) -> CacheEntry | None:
        """Return the entry of a path if the file still has this stamp; never for None."""
        entry = self._entries.get(path)
        return entry if entry is not None and stamp is not None and entry.stamp == stamp else None

    def with_content(self, sha256: str) -> CacheEntry | None:
        """Return the latest entry of any file with this content, even a dropped one."""
        return self._by_content.get(sha256)

    def put(self, path: str, stamp: str | None, sha256: str, value: Any = None) -> None:
        """Set the entry of a path; save if the last save is `SAVE_SECONDS` ago."""
        self._entries[path] = self._by_content[sha256] = CacheEntry(stamp, sha256, value)
        self._is_changed = True
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self.save()

    def retain(self, paths: Iterable[str], prefix: str = "") -> None:
        """Drop the entries whose path starts with `prefix` and is not among `paths`."""
        kept = set(paths)
        for path in [p for p in self._entries if p.startswith(prefix) and p not in kept]:
            del self._entries[path]
            self._is_changed = True

    def save(self) -> None:
        """Write the file if anything has changed."""
        if self._lake is not None and self._is_changed:
            lines = [json.dumps({"version": self._version})]
            lines += [json.dumps([path, *entry]) for path, entry in self._entries.items()]
            self._lake.write(self._path, "\n".join([*lines, ""]).encode())
            self._is_changed = False
        self._saved_at = time.monotonic()

    def _load(self, lake: Lake) -> None:
        try:
            header, *lines = lake.read(self._path).split(b"\n")
            if json.loads(header) != {"version": self._version}:
                return
        except (OSError, ValueError):
            return
        for line in lines:
            try:
                path, stamp, sha256, value = json.loads(line)
            except (ValueError, TypeError):  # cut off or damaged
                continue
            self._entries[path] = self._by_content[sha256] = CacheEntry(stamp, sha256, value)


@lru_cache(64)
def kept_values(lake: Lake, file: str, stamp: str) -> dict[str, CacheEntry]:
    """Return the entries of a cache's file that have a value, by path; read once for each stamp.

    Args:
        lake: The lake with the file.
        file: The cache's path in it.
        stamp: Of the file now.
    """
    found = {}
    try:
        lines = lake.read(file).split(b"\n")[1:]
    except OSError:
        return {}
    for line in lines:
        if line.endswith(b", {}]"):
            continue
        with suppress(ValueError, TypeError):  # cut off or damaged
            path, *entry = json.loads(line)
            found[path] = CacheEntry(*entry)
    return found
