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
from deepart_assets.storage.responses import looks_like_html

MAX_MEMBERS = 3_000_000
MAX_MEMBER_SIZE = 2_000_000_000
"""Bytes."""
MAX_COMPRESSION_RATIO = 100
"""Size by compressed size, checked for members larger than `UNCHECKED_SIZE`."""
UNCHECKED_SIZE = 100_000_000
"""Bytes."""
BLOCK = 1 << 20

_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError,
    ValueError,
)  # fmt: skip
"""What zipfile raises for damaged members and unknown compressions."""


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    `path` is relative, with slashes; `size` is in bytes; `stamp` is CRC-32 and size.
    """

    path: str
    size: int
    stamp: str


class Archive:
    """A zip archive that several threads can read.

    Args:
        path: The file.
        origin: Where it came from, for messages.
        remedy: What to do if it is unusable, for messages.

    Raises:
        UnavailableError: The file is not a zip archive, is damaged or encrypted, or has a link, a
            member outside its folder, or too many members.
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
        except (*_ZIP_ERRORS, OSError) as error:
            raise UnavailableError(
                f"{origin} gave a damaged archive ({type(error).__name__}): {remedy}"
            ) from error
        if len(infos) > MAX_MEMBERS:
            raise UnavailableError(
                f"{origin} gave an archive of {len(infos)} files (the limit is {MAX_MEMBERS}):"
                " do not use it"
            )
        for info in infos:
            _check(info, origin)
        # The last of several members with one path wins, as in unpacking.
        self._infos = {_path_of(info): info for info in infos if not info.is_dir()}
        self.members = tuple(
            Member(path, info.file_size, f"{info.CRC:08x} {info.file_size}")
            for path, info in sorted(self._infos.items())
        )

    def ending_in(self, ending: str) -> Member | None:
        """Return the first member whose path ends in the path `ending`, or None."""
        found = (one for one in self.members if f"/{one.path}".endswith(f"/{ending}"))
        return next(found, None)

    def read(self, path: str) -> bytes:
        """Return a member's bytes.

        Raises:
            OSError: It is damaged, has the wrong size or CRC-32, or looks like a zip bomb. Other
                members can still be read.
        """
        info = self._admitted(path)
        try:
            data = self._zip().read(info)
            _check_size(len(data), info)
            return data
        except _ZIP_ERRORS as error:
            raise self._damaged(path, error) from error

    def extract(self, path: str, target: Path) -> None:
        """Extract a member to a local file, atomically.

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
        except _ZIP_ERRORS as error:
            raise self._damaged(path, error) from error
        finally:
            partial.unlink(missing_ok=True)

    def _zip(self) -> zipfile.ZipFile:
        # Reopened after a fork, as parent and child would share the file position.
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), zipfile.ZipFile(self._path)
            return self._opened[1]

    def _admitted(self, path: str) -> zipfile.ZipInfo:
        info = self._infos[path]
        highest = max(UNCHECKED_SIZE, MAX_COMPRESSION_RATIO * info.compress_size)
        if info.file_size > min(highest, MAX_MEMBER_SIZE):
            raise OSError(
                f"{path} in {self._origin} would inflate from {info.compress_size} to"
                f" {info.file_size} bytes, which no image does"
            )
        return info

    def _damaged(self, path: str, error: Exception) -> OSError:
        return OSError(f"{path} in {self._origin} is damaged ({error})")


def _check_size(size: int, info: zipfile.ZipInfo) -> None:
    if size != info.file_size:
        raise zipfile.BadZipFile(f"{size} bytes, not {info.file_size}")


def _found(path: Path) -> str:
    with path.open("rb") as file:
        is_page = looks_like_html(file.read(512))
    return "a web page" if is_page else f"{path.stat().st_size} bytes that are not a zip file"


def _path_of(info: zipfile.ZipInfo) -> str:
    return info.filename.replace("\\", "/")


def _check(info: zipfile.ZipInfo, origin: str) -> None:
    # `orig_filename` is the name before zipfile normalizes it.
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
