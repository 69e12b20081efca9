"""What every source of paintings gives: pictures that can be read, and a CSV where there is one."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

PICTURE_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".jp2", ".png", ".tif", ".tiff", ".webp"),
        *(".jfif", ".jpe", ".jpeg", ".jpg"),
    }
)
"""Files with other suffixes are told as ignored; whether a file is a picture its content says."""

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
    """Tell whether a file is none of the user's: hidden, or a Mac's resource fork."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def is_picture(path: str) -> bool:
    """Tell whether a file's name is that of a picture."""
    return posixpath.splitext(path)[1].lower() in PICTURE_SUFFIXES
