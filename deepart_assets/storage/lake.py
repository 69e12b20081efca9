"""The data lake: one folder or bucket, addressed by relative paths, through fsspec."""

import contextlib
import hashlib
import json
import os
import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.local_files import hold, stamp_of_file, sweep, write_whole

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"}
"""Protocols of stores that have no folders to be made. Asked for one, s3fs would make a bucket."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the lake. `path` is relative to the lake's root, `size` is in bytes."""

    path: str
    sha256: str
    size: int
    stamp: str | None = field(default=None, compare=False)
    """Its stamp (`Lake.stamps`) when it had this hash: as long as it has it, none is computed."""


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_json(content: Any) -> str:
    """Return the SHA-256 of plain JSON in its canonical form; what is no JSON counts as text."""
    return sha256_of(
        json.dumps(content, sort_keys=True, separators=(",", ":"), default=str).encode()
    )


def sha256_of_file(file: Path) -> str:
    """Return the SHA-256 of a local file, read in pieces, as 64 hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def stamp_of(info: Mapping[str, Any]) -> str | None:
    """Return what fsspec's `info` of a file tells of its version: size and ETag or time."""
    for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created"):
        if info.get(key):
            return f"{info.get('size')} {info[key]}"
    return None


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of a folder or URL, and the path in it.

    It remembers no listing: another process may have written since.

    Raises:
        UnavailableError: The package that speaks the protocol is not installed.
    """
    try:
        return fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise UnavailableError(
            f"{url} cannot be opened: {error}. For s3://: pip install -e '.[s3]'"
        ) from error


class Lake:
    """Files below one root, which is a local folder or any fsspec URL (`s3://bucket/prefix`).

    A file is either absent or whole: local writes go to a temporary name in the same folder, are
    flushed to the disk and renamed; object stores make an upload visible only when it is complete.
    """

    def __init__(self, root: str | Path) -> None:
        self.url = str(root)
        self._fs, self._root = file_system(self.url)
        self._is_local = isinstance(self._fs, LocalFileSystem)
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else self._fs.protocol
        self._has_folders = OBJECT_STORES.isdisjoint(protocols)

    def __repr__(self) -> str:
        return f"Lake({self.url!r})"

    @property
    def is_local(self) -> bool:
        """Whether the files lie in a local folder."""
        return self._is_local

    def full_path(self, path: str) -> str:
        """Return the path or URL under which other programs find the file."""
        full = self._full(path)
        return full if self._is_local else self._fs.unstrip_protocol(full)

    def write(self, path: str, data: bytes) -> StoredFile:
        """Write `data` atomically, replacing what was there.

        Raises:
            UnavailableError: There is no such bucket.
        """
        full = self._full(path)
        if self._is_local:
            stamp = write_whole(Path(full), data)
        elif self._has_folders:
            self._fs.makedirs(posixpath.dirname(full), exist_ok=True)
            self._fs.pipe_file(full, data)
            stamp = self.stamp(path)
        else:
            try:
                self._fs.pipe_file(full, data)
            except FileNotFoundError as error:
                raise UnavailableError(
                    f"The data lake {self.url} cannot be written to: {error}. Make the bucket, or"
                    " correct DEEPART_DATA"
                ) from error
            stamp = self.stamp(path)
        return StoredFile(path, sha256_of(data), len(data), stamp)

    def write_json(self, path: str, content: Any) -> StoredFile:
        """Write `content` as indented JSON with a stable key order."""
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return self.write(path, (text + "\n").encode())

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raise FileNotFoundError where there is none."""
        return self._fs.cat_file(self._full(path))

    def read_json(self, path: str) -> Any:
        """Return the decoded JSON of a file; raise FileNotFoundError where there is none."""
        return json.loads(self.read(path))

    def exists(self, path: str) -> bool:
        """Tell whether there is a file at `path`."""
        return self._fs.isfile(self._full(path))

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._full(path))

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """Return the relative paths of the files directly in `folder`, sorted by name."""
        try:
            found = self._fs.ls(self._full(folder), detail=True)
        except FileNotFoundError:
            return []
        names = sorted(posixpath.basename(e["name"]) for e in found if e["type"] != "directory")
        return [
            f"{folder}/{name}"
            for name in names
            if name.endswith(suffix) and not name.startswith(".")
        ]

    def stamp(self, path: str) -> str | None:
        """Return the stamp of one file (`stamps`), or None where there is none."""
        full = self._full(path)
        try:
            if self._is_local:
                return stamp_of_file(Path(full))
            # Not `info`, which may write the same time in another way.
            return stamp_of(self._fs.ls(full, detail=True)[0])
        except (FileNotFoundError, IndexError):
            return None

    def stamps(self, folder: str) -> dict[str, str]:
        """Return a stamp of each file directly in `folder` by name, from one listing.

        A stamp changes whenever the file does: size and time, or an object store's ETag. Files
        of which the file system does not tell either are left out, hidden ones too.
        """
        full = self._full(folder)
        try:
            if self._is_local:
                with os.scandir(full) as entries:
                    found = {entry.name: stamp_of_file(entry) for entry in entries}
            else:
                listed = self._fs.ls(full, detail=True)
                found = {posixpath.basename(info["name"]): stamp_of(info) for info in listed}
        except FileNotFoundError:
            return {}
        return {name: stamp for name, stamp in found.items() if stamp and not name.startswith(".")}

    def checked(self, file: StoredFile, *, thorough: bool = False) -> StoredFile | None:
        """Return the file with its present stamp if it is as it was written, else None.

        With the stamp that it had then it counts as unchanged, and is not read; `thorough` reads it
        nevertheless, for fear of a failing disk.
        """
        stamp = self.stamp(file.path)
        if stamp is not None and stamp == file.stamp and not thorough:
            return file
        try:
            data = self.read(file.path)
        except FileNotFoundError:
            return None
        same = len(data) == file.size and sha256_of(data) == file.sha256
        return replace(file, stamp=stamp) if same else None

    def within(self, folder: str) -> "Lake":
        """Return a folder of this lake as a lake of its own."""
        return Lake(f"{self.url}/{folder}")

    def move(self, path: str, to: str) -> None:
        """Move a file, replacing what was there; one that is not there is no error."""
        if self._is_local:
            target = Path(self._full(to))
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                Path(self._full(path)).replace(target)
        else:
            with contextlib.suppress(FileNotFoundError):
                self.write(to, self.read(path))
                self.remove(path)

    def sweep(self, folder: str) -> int:
        """Remove what killed writers left directly in `folder`, unseen; return how many files.

        Those are files under a temporary name that nobody has written to for an hour; a bucket has
        none.
        """
        return sweep(Path(self._full(folder))) if self._is_local else 0

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Take turns with the other processes of this machine at what `name`, a path, stands for.

        A process that is killed has had its turn. On a bucket, and on a file system without locks,
        nobody waits: what is written by two at once is then the last one's.
        """
        with contextlib.ExitStack() as stack:
            if self._is_local:
                hold(Path(self._full(f"{name}.lock")), stack)
            yield

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a local path holding the file, for libraries that open files themselves."""
        if self._is_local:
            yield Path(self._full(path))
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / posixpath.basename(path)
            copy.write_bytes(self.read(path))
            yield copy

    def _full(self, path: str) -> str:
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or not all(parts):
            raise ValueError(f"{path!r} is not a path inside the lake {self.url}")
        return f"{self._root}/{path}"
