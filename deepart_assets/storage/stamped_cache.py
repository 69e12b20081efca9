"""A cache of what is known of files, valid as long as a file keeps its stamp or its content."""

import json
import time
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from deepart_assets.storage.lake import Lake

SAVE_SECONDS = 60.0
"""A killed process loses at most this much work."""


class CacheEntry(NamedTuple):
    """What is known of one file: its stamp and SHA-256 at that time, and any JSON value."""

    stamp: str | None
    sha256: str
    value: Any = None


class StampedCache:
    """Entries by path, each bound to the stamp and the SHA-256 of the file it was computed from.

    An entry is only as good as its stamp or hash, so neither a killed process nor a lost update
    makes a changed file pass for an unchanged one. The cache is one JSON-lines file in the lake; it
    may be deleted at any time. Damaged lines and a file of another version are ignored.

    Use it as a context manager around the work: `put` saves at most every `SAVE_SECONDS`, and the
    exit saves the rest, also after an exception. Only one thread may write; others may read.

    Args:
        lake: The lake that keeps the file; None: memory only.
        path: The file's path in the lake.
        version: Names how the values are computed. Another version starts empty.
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
        """Return the entry of a path, whatever has become of the file."""
        return self._entries.get(path)

    def unchanged(self, path: str, stamp: str | None) -> CacheEntry | None:
        """Return the entry of a path if the file still has this stamp; never for None."""
        entry = self._entries.get(path)
        return entry if entry is not None and stamp is not None and entry.stamp == stamp else None

    def with_content(self, sha256: str) -> CacheEntry | None:
        """Return the latest entry of any file with this content, even one dropped since."""
        return self._by_content.get(sha256)

    def put(self, path: str, stamp: str | None, sha256: str, value: Any = None) -> None:
        """Set the entry of a path, and save if that was last done `SAVE_SECONDS` ago."""
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
        """Write the file, if anything has changed since it was written."""
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
