"""Paintings in a folder or a bucket."""

import os
import posixpath
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import project_path
from deepart_assets.settings.wikiart import FolderSource
from deepart_assets.storage import stamp_of
from deepart_assets.storage.lake import file_system
from deepart_assets.wikiart.sources.base import Picture, Source, is_hidden, sorted_out


def open_folder(name: str, choice: FolderSource, setting: str) -> Source:
    """List the pictures of a folder, which may be empty.

    Args:
        name: The source's name.
        choice: The folder; a relative path is relative to the project.
        setting: The key of `choice` in the profile, for messages.

    Raises:
        UnavailableError: The folder does not exist, or has no such CSV that can be read.
    """
    is_url = "://" in choice.path
    root = choice.path if is_url else str(project_path(choice.path))
    fs, inside = file_system(root)
    if not fs.isdir(inside):
        raise UnavailableError(f"There is no folder {root}: set {setting}.path to one")
    csv = None
    if choice.csv is not None:
        try:
            csv = fs.cat_file(f"{inside}/{choice.csv}")
        except OSError as error:
            place = f"{choice.csv} in {root}"
            if isinstance(error, FileNotFoundError):
                fault = f"There is no {place}: set {setting}.csv to the CSV's name, or leave it out"
            else:
                why = f" ({error.strerror})" if error.strerror else ""  # S3's errors have none
                fault = (
                    f"{place} cannot be read{why}: make it readable, or remove {setting}.csv from"
                    " the profile"
                )
            raise UnavailableError(fault) from error
    is_local = isinstance(fs, LocalFileSystem)
    unlisted: dict[str, str] = {}
    listed = _local_files(inside, unlisted) if is_local else _remote_files(fs, inside)
    pictures, others = sorted_out(each for each in listed if each.path != choice.csv)
    pictures.sort(key=lambda picture: picture.path)
    return Source(name, root, tuple(pictures), csv, dict(sorted((unlisted | others).items())))


def _local_files(root: str, unlisted: dict[str, str]) -> Iterator[Picture]:
    """Yield every file below a folder, with size and modification time as its stamp.

    Links are followed after real folders, and no folder is entered twice. Paths are made valid
    Unicode; file names may not be. `unlisted` receives what cannot be looked at, and why.
    """
    entered = set()
    folders: list[tuple[str, str]] = [(root, "")]
    links: list[tuple[str, str]] = []
    while folders or links:
        folder, prefix = folders.pop() if folders else links.pop()
        try:
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            unlisted[prefix or "."] = f"cannot be listed ({error.strerror}): make it readable"
            continue
        for entry in entries:
            path = prefix + _readable(entry.name)
            try:
                if entry.is_dir():
                    if not is_hidden(entry.name):
                        (links if entry.is_symlink() else folders).append((entry.path, path + "/"))
                elif entry.is_file():
                    found = entry.stat()
                    stamp = f"{found.st_size} {found.st_mtime_ns}"
                    yield Picture(path, partial(_read, entry.path), stamp)
                elif entry.is_symlink() and not is_hidden(entry.name):
                    unlisted[path] = "is a link to what is not there: put the file in its place"
            except OSError as error:  # a link to itself, or a file removed meanwhile
                unlisted[path] = f"cannot be read ({error.strerror}): replace or remove it"


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _readable(name: str) -> str:
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _remote_files(fs: Any, root: str) -> Iterator[Picture]:
    fs.invalidate_cache()  # listings of object stores may be kept from an earlier run
    for full, info in fs.find(root, detail=True).items():
        yield Picture(posixpath.relpath(full, root), partial(fs.cat_file, full), stamp_of(info))
