"""The interface of a source of paintings: readable pictures and, optionally, a CSV."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

PICTURE_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".jp2", ".png", ".tif", ".tiff", ".webp"),
        *(".jfif", ".jpe", ".jpeg", ".jpg"),
    }
)
"""Files with other suffixes are reported as ignored; the format is detected from the content."""

NO_PICTURE = f"There is no picture ({', '.join(sorted(PICTURE_SUFFIXES))})"
"""The beginning of a message."""


@dataclass(frozen=True)
class Picture:
    """A file with the suffix of a picture.

    `path` is relative to the source and unique in it. `read` returns the file's bytes; it may be
    called from several threads, and raises OSError if the file cannot be read. `stamp` changes
    whenever the file does (size and time, a checksum, an object store's ETag); None: unknown.
    """

    path: str
    read: Callable[[], bytes]
    stamp: str | None = None


@dataclass(frozen=True)
class Source:
    """The pictures of a source, sorted by path, and its CSV, if any.

    `name` is its name in the profile, `origin` describes it in messages. `ignored` has the paths of
    files that are neither pictures nor the CSV.
    """

    name: str
    origin: str
    pictures: tuple[Picture, ...]
    csv: bytes | None = None
    ignored: tuple[str, ...] = ()


def is_hidden(path: str) -> bool:
    """Return whether a file is hidden or a resource fork of macOS."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def is_picture(path: str) -> bool:
    """Return whether a file has a suffix of a picture format."""
    return posixpath.splitext(path)[1].lower() in PICTURE_SUFFIXES
