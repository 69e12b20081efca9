"""The data lake: a folder or bucket, accessed by relative paths through fsspec."""

import contextlib
import json
import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage.bucket_locks import lock_object
from deepart_assets.storage.hashes import sha256_of
from deepart_assets.storage.local_files import (
    lock_file,
    stamp_of_file,
    sweep,
    with_remedy,
    write_atomic,
)
from deepart_assets.storage.retries import PatientFileSystem

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"}
"""Protocols without folders; `makedirs` of s3fs would create a bucket."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the lake. `path` is relative to the lake's root, `size` is in bytes."""

    path: str
    sha256: str
    size: int
    stamp: str | None = field(default=None, compare=False)
    """Its `Lake.stamps` stamp at this hash. While it is unchanged, the file is not hashed again."""
    content: str | None = None
    """SHA-256 of what the file shows, where it also says what may differ without a consequence: a
    title that is corrected later, the day it was made."""

    @property
    def version(self) -> str:
        """The hash that what is made from the file depends on."""
        return self.content or self.sha256


def stamp_of(info: Mapping[str, Any]) -> str | None:
    """Return the version of a file from fsspec's `info`: size, and ETag or time."""
    for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created"):
        if info.get(key):
            return f"{info.get('size')} {info[key]}"
    return None


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system (without a listings cache) and path of a folder or URL.

    An object store that does not answer is waited for (`retries`).

    Raises:
        UnavailableError: There is no such protocol, its package is not installed, or its server
            does not answer.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise UnavailableError(
            f"{url} cannot be opened: {error}. For s3://: pip install 'deepart_assets[s3]'"
        ) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{url} cannot be opened ({error}): correct the address") from error
    return (PatientFileSystem(fs) if is_object_store(fs) else fs), path


def is_object_store(fs: Any) -> bool:
    """Return whether a file system has no folders and is behind a network."""
    protocols = {fs.protocol} if isinstance(fs.protocol, str) else fs.protocol
    return not OBJECT_STORES.isdisjoint(protocols)


class Lake:
    """Files under a root, which is a local folder or an fsspec URL (`s3://bucket/prefix`).

    Writes are atomic: local files are written under a temporary name, flushed and renamed; object
    stores show an upload only when it is complete.
    """

    def __init__(self, root: str | Path) -> None:
        self.url = str(root)
        self._fs, self._root = file_system(self.url)
        self.is_local = isinstance(self._fs, LocalFileSystem)
        """Whether the lake is a local folder."""
        self._is_s3 = "s3" in self._fs.protocol

    def __repr__(self) -> str:
        return f"Lake({self.url!r})"

    def check_reachable(self) -> None:
        """Look once, before work begins that waits for an object store, or fails file by file.

        Raises:
            UnavailableError: The object store does not answer, or the folder is a file.
        """
        if self.is_local and Path(self._root).is_file():
            raise UnavailableError(
                f"The data lake {self.url} is a file: DEEPART_DATA names a folder or a bucket"
            )
        if isinstance(self._fs, PatientFileSystem):
            self._fs.check_answers(self._root)

    def full_path(self, path: str) -> str:
        """Return the full path or URL, for other programs."""
        full = self._full(path)
        return full if self.is_local else self._fs.unstrip_protocol(full)

    def write(self, path: str, data: bytes) -> StoredFile:
        """Write `data` atomically, replacing an existing file.

        Raises:
            UnavailableError: The bucket does not exist, or the disk is full or read-only.
        """
        full = self._full(path)
        if self.is_local:
            with self._writing():
                stamp = write_atomic(Path(full), data)
        else:
            if not is_object_store(self._fs):
                self._fs.makedirs(posixpath.dirname(full), exist_ok=True)
            try:
                self._fs.pipe_file(full, data)
            except FileNotFoundError as error:
                raise UnavailableError(
                    f"The data lake {self.url} cannot be written to: {error}. Create the bucket, or"
                    " correct DEEPART_DATA"
                ) from error
            stamp = self.stamp(path)
        return StoredFile(path, sha256_of(data), len(data), stamp)

    def write_json(self, path: str, content: Any) -> StoredFile:
        """Write `content` as indented JSON with a stable key order."""
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return self.write(path, (text + "\n").encode())

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raise FileNotFoundError if it does not exist."""
        return self._fs.cat_file(self._full(path))

    def read_json(self, path: str) -> Any:
        """Return the decoded JSON of a file; raise FileNotFoundError if it does not exist."""
        return json.loads(self.read(path))

    def exists(self, path: str) -> bool:
        """Return whether there is a file at `path`; raise what keeps the lake from telling."""
        try:  # not `isfile`, to which a store that does not answer has no files
            return bool(self._fs.info(self._full(path))["type"] == "file")
        except (FileNotFoundError, NotADirectoryError):
            return False

    def remove(self, path: str) -> None:
        """Remove a file if it exists."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._full(path))

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """Return the relative paths of the files directly in `folder`, sorted by name."""
        full = self._full(folder)
        try:
            if self.is_local:  # fsspec would ask for the state of each file
                with os.scandir(full) as entries:
                    names = [entry.name for entry in entries if not entry.is_dir()]
            else:
                listed = self._fs.ls(full, detail=True)
                names = [posixpath.basename(e["name"]) for e in listed if e["type"] != "directory"]
        except FileNotFoundError:
            return []
        return [
            f"{folder}/{name}"
            for name in sorted(names)
            if name.endswith(suffix) and not name.startswith(".")
        ]

    def stamp(self, path: str) -> str | None:
        """Return the stamp of one file (see `stamps`), or None."""
        full = self._full(path)
        try:
            if self.is_local:
                return stamp_of_file(full)
            if self._is_s3:  # a listing of a file is one of all its folder
                return stamp_of(self._fs.info(full))
            # Not `info`: its time, or its ETag, may have another format than in `stamps`.
            return stamp_of(self._fs.ls(full, detail=True)[0])
        except (FileNotFoundError, IndexError):
            return None

    def stamps(self, folder: str) -> dict[str, str]:
        """Return the stamps of the files directly in `folder` by name, from one listing.

        A stamp changes whenever the file does: it is size and time, or an object store's ETag.
        Hidden files, and files for which the file system has neither, are left out.
        """
        full = self._full(folder)
        try:
            if self.is_local:
                with os.scandir(full) as entries:
                    found = {entry.name: stamp_of_file(entry) for entry in entries}
            else:
                listed = self._fs.ls(full, detail=True)
                found = {posixpath.basename(info["name"]): stamp_of(info) for info in listed}
        except FileNotFoundError:
            return {}
        return {name: stamp for name, stamp in found.items() if stamp and not name.startswith(".")}

    def checked(self, file: StoredFile, *, thorough: bool = False) -> StoredFile | None:
        """Return the file with its current stamp if it is intact, else None.

        A file with its recorded stamp counts as intact without being read, unless `thorough`.
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
        """Return a folder of this lake as a lake."""
        return Lake(f"{self.url}/{folder}")

    def move(self, path: str, to: str) -> None:
        """Move a file if it exists, replacing an existing target."""
        if self.is_local:
            target = Path(self._full(to))
            with self._writing(), contextlib.suppress(FileNotFoundError):
                target.parent.mkdir(parents=True, exist_ok=True)
                Path(self._full(path)).replace(target)
        else:
            with contextlib.suppress(FileNotFoundError):
                self.write(to, self.read(path))
                self.remove(path)

    def sweep(self, folder: str) -> None:
        """Remove temporary files left by killed writers in `folder` and below.

        Only files unmodified for an hour are removed. A bucket has none.
        """
        if self.is_local:
            sweep(Path(self._full(folder)))

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Lock `name`, a path in the lake, against other processes.

        In a folder, those of this machine; in S3, all (`bucket_locks`). The lock of a killed
        process is released, that of S3 after a minute. Other stores do not lock: of two
        simultaneous writes the last one wins.
        """
        path = self._full(f"{name}.lock")
        with contextlib.ExitStack() as stack:
            if self.is_local:
                with self._writing():
                    lock_file(Path(path), stack)
            elif self._is_s3:
                stack.enter_context(lock_object(self._fs, path))
            yield

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        if Path(self._root).is_relative_to(cache_folder().absolute()):
            return with_remedy(f"The cache {self.url}", "DEEPART_CACHE")
        return with_remedy(f"The data lake {self.url}", "DEEPART_DATA")

    def _full(self, path: str) -> str:
        parts = path.split("/")
        if ".." in parts or not all(parts):
            raise ValueError(f"{path!r} is not a path inside the lake {self.url}")
        return f"{self._root}/{path}"
