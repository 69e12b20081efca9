"""What was seen in pictures, kept so that no unchanged file is read again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

VERSION = 1
"""Raise it when a look at the same bytes gives something else; older looks are then dropped."""

_COLUMNS = ("source", "path", "stamp", "sha256", "phash", "width", "height", "reason")


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at one picture gave. Without a hash of the bytes it was not read."""

    sha256: str = ""
    phash: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""
    """Why the picture cannot be used; "" if it can."""


class Looks:
    """Looks by source and path, each bound to the stamp and to the hash of the file it was at.

    A look is taken over only where the stamp is the same, so whatever is written and whatever is
    lost when a process is killed, a changed file never passes for an unchanged one.
    """

    def __init__(self, table: "pandas.DataFrame | None" = None) -> None:
        """Start from a table that `table` gave; one of another version counts as empty."""
        self._by_path: dict[tuple[str, bytes], tuple[str, Look]] = {}
        self._by_hash: dict[str, Look] = {}
        if table is None or not {*_COLUMNS, "version"} <= set(table.columns):
            return
        current = table[table["version"] == VERSION]
        sources, paths, stamps, *columns = (current[name].tolist() for name in _COLUMNS)
        for *key, stamp, look in zip(sources, paths, stamps, map(Look, *columns), strict=True):
            self._by_path[key[0], key[1]] = stamp, look
            if not look.reason:
                self._by_hash[look.sha256] = look

    def __len__(self) -> int:
        return len(self._by_path)

    def unchanged(self, source: str, path: str, stamp: str | None) -> Look | None:
        """Return the look at a file, if it has not changed since."""
        if stamp is None:
            return None
        known = self._by_path.get((source, _exact(path)))
        return known[1] if known is not None and known[0] == stamp else None

    def same_bytes(self, source: str, path: str, sha256: str) -> Look | None:
        """Return the look at this file, or at any usable one, if it had these bytes."""
        known = self._by_path.get((source, _exact(path)))
        if known is not None and known[1].sha256 == sha256:
            return known[1]
        return self._by_hash.get(sha256)

    def add(self, source: str, path: str, stamp: str | None, look: Look) -> None:
        """Remember a look. Without a stamp it serves files that have the same bytes."""
        self._by_path[source, _exact(path)] = stamp or "", look
        if not look.reason:
            self._by_hash[look.sha256] = look

    def keep_only(self, listed: Mapping[str, Iterable[str]]) -> None:
        """Drop looks at files that are not among the listed paths of their source."""
        exact = {source: set(map(_exact, paths)) for source, paths in listed.items()}
        self._by_path = {
            key: value
            for key, value in self._by_path.items()
            if key[0] not in exact or key[1] in exact[key[0]]
        }

    def table(self) -> "pandas.DataFrame":
        """Return all looks as a table, a row each."""
        import pandas as pd

        rows = [
            (*key, stamp, look.sha256, look.phash, look.width, look.height, look.reason)
            for key, (stamp, look) in list(self._by_path.items())
        ]
        table = pd.DataFrame(rows, columns=list(_COLUMNS))
        return table.assign(version=VERSION)


def _exact(path: str) -> bytes:
    """Return a path as the file system has it: not every file name is text."""
    return path.encode("utf-8", "surrogateescape")
