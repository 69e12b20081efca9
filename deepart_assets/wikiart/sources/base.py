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
"""Files with other suffixes are reported as ignored; the content decides what is a picture."""

NO_PICTURE = f"There is no picture ({', '.join(sorted(PICTURE_SUFFIXES))})"
"""The beginning of a message."""


@dataclass(frozen=True)
class Picture:
    """A file that claims to be a picture.

    `path` is relative to the source and unique in it. `read` returns the file's bytes; it may be
    called from several threads and raises OSError where this one file cannot be read. `stamp`
    changes whenever the file does (size and time, a checksum, an object store's ETag; None: not
    known).
    """

    path: str
    read: Callable[[], bytes]
    stamp: str | None = None


@dataclass(frozen=True)
class Source:
    """The pictures of a source in the order of their paths, and its CSV where there is one.

    `name` is the profile's name of it, `origin` says in messages where the files come from.
    `ignored` are the paths of files that are neither pictures nor the CSV.
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
