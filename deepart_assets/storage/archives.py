"""Reads members of untrusted zip archives in place, without unpacking the archive."""

import lzma
import os
import shutil
import stat
import threading
import uuid
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.answers import looks_like_a_page

MOST_MEMBERS = 3_000_000
LARGEST_MEMBER = 2_000_000_000
"""Bytes; what a member may inflate to."""
HIGHEST_RATIO = 100
"""Of a member's size to its compressed size, where it is larger than `HARMLESS`."""
HARMLESS = 100_000_000
"""Bytes; smaller members may inflate as they like."""
BLOCK = 1 << 20

_FAULTS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError,
    ValueError,
)  # fmt: skip
"""What zipfile raises for damaged members and compressions that it does not know."""


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    `path` has slashes and stays inside the archive's folder, `size` is in bytes, `stamp` changes
    with the content (CRC-32 and size).
    """

    path: str
    size: int
    stamp: str


class Archive:
    """A zip archive whose members can be read from several threads.

    Args:
        path: The file.
        origin: Where it came from, for messages.
        remedy: What to do if it cannot be used, for messages.

    Raises:
        UnavailableError: It is no zip archive (a web page, say), damaged or encrypted, has a member
            that is a link or would be unpacked outside its folder, or absurdly many members.
    """

    def __init__(self, path: Path, origin: str, remedy: str) -> None:
        self._path = path
        self._origin = origin
        self._lock = threading.Lock()
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        if not zipfile.is_zipfile(path):
            raise UnavailableError(f"{origin} gave {_found(path)} instead of an archive: {remedy}")
        try:
            infos = self._zip().infolist()
        except (*_FAULTS, OSError) as error:
            raise UnavailableError(
                f"{origin} gave a damaged archive ({type(error).__name__}): {remedy}"
            ) from error
        if len(infos) > MOST_MEMBERS:
            raise UnavailableError(
                f"{origin} gave an archive of {len(infos)} files, and {MOST_MEMBERS} is the most:"
                " do not use it"
            )
        for info in infos:
            _check(info, origin)
        # Of two members with one path the later counts, as in unpacking.
        self._infos = {_path_of(info): info for info in infos if not info.is_dir()}
        self.members = tuple(
            Member(path, info.file_size, f"{info.CRC:08x} {info.file_size}")
            for path, info in sorted(self._infos.items())
        )

    def ending_in(self, ending: str) -> Member | None:
        """Return the first member whose path ends in whole parts `ending`, or None."""
        return next(
            (one for one in self.members if f"/{one.path}".endswith(f"/{ending}")),
            None,
        )

    def read(self, path: str) -> bytes:
        """Return a member's bytes.

        Raises:
            OSError: It is damaged, has not the size or the CRC-32 that the archive says, or would
                inflate beyond measure. Other members can still be read.
        """
        info = self._admitted(path)
        try:
            data = self._zip().read(info)
            _check_size(len(data), info)
            return data
        except _FAULTS as error:
            raise self._damaged(path, error) from error

    def extract(self, path: str, target: Path) -> None:
        """Copy a member to a local file, which appears only when it is complete.

        Raises:
            OSError: As for `read`.
        """
        info = self._admitted(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        try:
            with self._zip().open(info) as source, partial.open("wb") as copy:
                shutil.copyfileobj(source, copy, BLOCK)
                _check_size(copy.tell(), info)
                os.fsync(copy.fileno())
            partial.replace(target)
        except _FAULTS as error:
            raise self._damaged(path, error) from error
        finally:
            partial.unlink(missing_ok=True)

    def _zip(self) -> zipfile.ZipFile:
        # Opened anew after a fork: parent and child would move each other's place in the file.
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), zipfile.ZipFile(self._path)
            return self._opened[1]

    def _admitted(self, path: str) -> zipfile.ZipInfo:
        info = self._infos[path]
        is_bomb = info.file_size > HARMLESS and info.file_size > HIGHEST_RATIO * info.compress_size
        if is_bomb or info.file_size > LARGEST_MEMBER:
            raise OSError(
                f"{path} in {self._origin} would inflate from {info.compress_size} to"
                f" {info.file_size} bytes, which no picture does"
            )
        return info

    def _damaged(self, path: str, error: Exception) -> OSError:
        return OSError(f"{path} in {self._origin} is damaged ({error})")


def _check_size(size: int, info: zipfile.ZipInfo) -> None:
    if size != info.file_size:
        raise zipfile.BadZipFile(f"{size} bytes, not {info.file_size}")


def _found(path: Path) -> str:
    with path.open("rb") as file:
        is_page = looks_like_a_page(file.read(512))
    return "a web page" if is_page else f"{path.stat().st_size} bytes that are no zip file"


def _path_of(info: zipfile.ZipInfo) -> str:
    return info.filename.replace("\\", "/")


def _check(info: zipfile.ZipInfo, origin: str) -> None:
    # `orig_filename` is the name as the archive has it, before zipfile tidies it.
    name = info.orig_filename.replace("\\", "/")
    parts = name.split("/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if is_link or not parts[0] or ".." in parts or ":" in parts[0]:
        raise UnavailableError(
            f"{origin} gave an archive whose member {name!r} would leave its folder: do not use it"
        )
    if info.flag_bits & 1:
        raise UnavailableError(
            f"{origin} gave an encrypted archive (its member {name!r}): do not use it"
        )
