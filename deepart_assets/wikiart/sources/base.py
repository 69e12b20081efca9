"""The interface of a source of paintings: readable pictures and, optionally, a CSV."""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

OTHER_SUFFIXES = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".xml", ".xmp", ".html", ".htm"),
        *(".yaml", ".yml", ".log", ".ini", ".db", ".url", ".lnk", ".md5", ".sha256"),
        *(".doc", ".docx", ".xls", ".xlsx", ".ods", ".odt", ".ppt", ".pptx", ".rtf", ".parquet"),
        *(".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".py", ".ipynb", ".part", ".crdownload"),
    }
)
"""Files with these suffixes are left out and reported; of all others the content decides."""

README = "README.md"
"""Name of the file that says what a folder is for."""

NO_PICTURE = "There is no picture"
"""The beginning of a message."""


def left_out(path: str) -> str:
    """Return why a file with one of the `OTHER_SUFFIXES` is left out, with the remedy."""
    suffix = posixpath.splitext(path)[1].lower()
    if suffix in (".csv", ".tsv", ".xls", ".xlsx", ".ods"):
        return "is a table that is not read: save it as CSV, in the inbox as paintings.csv"
    if suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        return "is an archive: unpack it"
    if suffix in (".part", ".crdownload"):
        return "is an incomplete download: fetch it again"
    return f"is no picture by its suffix {suffix}: rename it if it is one, or remove it"


@dataclass(frozen=True)
class Picture:
    """A file that may be a picture: its content decides.

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

    `name` is its name in the profile, `origin` describes it in messages. `ignored` says of each
    file that is neither a picture nor the CSV, and of what cannot be listed, why, and what to do.
    """

    name: str
    origin: str
    pictures: tuple[Picture, ...]
    csv: bytes | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)


def is_hidden(path: str) -> bool:
    """Return whether a file is hidden, a resource fork of macOS, or the system's own."""
    if path == README or path.rsplit("/", 1)[-1].lower() in ("thumbs.db", "desktop.ini", "icon\r"):
        return True
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def is_picture(path: str) -> bool:
    """Return whether a file may be a picture by its name."""
    return posixpath.splitext(path)[1].lower() not in OTHER_SUFFIXES


def sorted_out(files: Iterable[Picture]) -> tuple[list[Picture], dict[str, str]]:
    """Return the pictures among some files and, by path, why the others are left out."""
    pictures: list[Picture] = []
    others: dict[str, str] = {}
    for file in files:
        if is_hidden(file.path):
            continue
        if is_picture(file.path):
            pictures.append(file)
        else:
            others[file.path] = left_out(file.path)
    return pictures, others
