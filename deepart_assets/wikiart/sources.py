"""Where paintings come from: a folder or bucket, a Kaggle competition, an archive on Google Drive.

Belongs here: listing pictures and fetching archives. Does not belong here: looking into pictures
or into the CSV (`catalogue`).

Archives are downloaded and unpacked once, into a folder of the cache that appears only when it is
complete; delete that folder to fetch them again.
"""

import contextlib
import io
import os
import posixpath
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.profile import PROJECT
from deepart_assets.settings.wikiart import DriveSource, FolderSource, KaggleSource
from deepart_assets.storage.drive import fetch_from_drive
from deepart_assets.wikiart.archives import unzip

PICTURE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Files with other suffixes, and hidden ones, are not looked at; what counts is the content."""


@dataclass(frozen=True)
class Picture:
    """A file that claims to be a picture.

    `path` is relative to the source and unique in it; `read` returns the file's bytes; `stamp`
    changes whenever the file does (size and time, or an object store's ETag; None: not known).
    """

    path: str
    read: Callable[[], bytes]
    stamp: str | None = None


@dataclass(frozen=True)
class Source:
    """The pictures of a source in the order of their paths, and its CSV where there is one."""

    name: str
    pictures: tuple[Picture, ...]
    csv: bytes | None = None


def open_source(choice: FolderSource | KaggleSource | DriveSource, cache: Path) -> Source:
    """List the pictures of a source; download and unpack it first where that is needed.

    Args:
        choice: The settings' `wikiart.source`. A folder's relative path is relative to the project.
        cache: Folder for what is downloaded.

    Raises:
        UnavailableError: The folder, its CSV, the credentials, the network or the archive is not
            to be had, or there is no picture.
    """
    if isinstance(choice, FolderSource):
        source = _open_folder(choice)
    elif isinstance(choice, KaggleSource):
        source = _open_kaggle(choice, cache / "kaggle" / choice.competition)
    else:
        source = _open_drive(choice, cache / "drive" / choice.file_id)
    if not source.pictures:
        suffixes = ", ".join(sorted(PICTURE_SUFFIXES))
        raise UnavailableError(f"There is no picture ({suffixes}) in {source.name}")
    return source


# --- folder --------------------------------------------------------------------------------------


def _open_folder(choice: FolderSource) -> Source:
    is_url = "://" in choice.path
    root = choice.path if is_url else str(PROJECT / Path(choice.path).expanduser())
    fs, inside = fsspec.core.url_to_fs(root)
    if not fs.isdir(inside):
        raise UnavailableError(f"There is no folder {root}: set wikiart.source.path to one")
    csv = None
    if choice.csv is not None:
        try:
            csv = fs.cat_file(f"{inside}/{choice.csv}")
        except FileNotFoundError as error:
            raise UnavailableError(
                f"There is no {choice.csv} in {root}: set wikiart.source.csv to the CSV's name,"
                " or leave it out"
            ) from error
    return Source(root, _list_pictures(fs, inside), csv)


def _list_pictures(fs: Any, root: str, prefix: str = "") -> tuple[Picture, ...]:
    fs.invalidate_cache()  # listings of object stores may be kept from an earlier run
    found = []
    for full, info in fs.find(root, detail=True).items():
        path = posixpath.relpath(full, root)
        parts = PurePosixPath(path).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if not hidden and PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES:
            found.append(Picture(prefix + path, partial(fs.cat_file, full), _stamp(info)))
    return tuple(sorted(found, key=lambda picture: picture.path))


def _stamp(info: dict[str, Any]) -> str | None:
    for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created"):
        if info.get(key):
            return f"{info.get('size')} {info[key]}"
    return None


# --- kaggle --------------------------------------------------------------------------------------


def _open_kaggle(choice: KaggleSource, folder: Path) -> Source:
    origin = f"Kaggle's {choice.competition}"
    archives = [folder / Path(name).stem for name in choice.archives]
    csv = folder / choice.csv
    if not csv.is_file() or not all(archive.is_dir() for archive in archives):
        fetch = partial(_fetch_from_kaggle, _kaggle_api(), choice.competition)
        for name, archive in zip(choice.archives, archives, strict=True):
            _unpack_once(archive, partial(fetch, name), f"{origin}/{name}", "download it again")
        if not csv.is_file():
            _fetch_csv(csv, partial(fetch, choice.csv), f"{origin}/{choice.csv}")
    return Source(origin, _in_folders(archives), csv.read_bytes())


def _kaggle_api() -> Any:
    remedy = (
        "Kaggle wants credentials: make a token at https://www.kaggle.com/settings and put it in"
        " ~/.kaggle/access_token or KAGGLE_API_TOKEN (older keys: ~/.kaggle/kaggle.json, or"
        " KAGGLE_USERNAME and KAGGLE_KEY)"
    )
    try:
        # Importing the package authenticates already; without credentials it prints a help text,
        # and asking again ends the process.
        with contextlib.redirect_stdout(io.StringIO()):
            from kaggle.api.kaggle_api_extended import KaggleApi

            api = KaggleApi()
            api.authenticate()
    except ImportError as error:
        raise UnavailableError("The package kaggle is missing: pip install kaggle") from error
    except (SystemExit, OSError, ValueError):
        raise UnavailableError(remedy) from None  # the cause could show a token
    return api


def _fetch_from_kaggle(api: Any, competition: str, name: str, folder: Path) -> Path:
    folder.mkdir()
    try:
        api.competition_download_file(competition, name, path=str(folder), quiet=True)
    except (OSError, ValueError) as error:
        # `from None` and no text of the error: it may hold a signed URL.
        raise UnavailableError(
            f"Kaggle did not give {name} of {competition}: {_kaggle_fault(error, competition)}"
        ) from None
    return next(folder.iterdir())


def _kaggle_fault(error: Exception, competition: str) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    known = {
        401: "the credentials are not valid: make a new token at https://www.kaggle.com/settings",
        403: "accept the competition's rules at"
        f" https://www.kaggle.com/competitions/{competition}/rules with the token's account",
        404: "no such file: check wikiart.source.competition, archives and csv",
    }
    if status in known:
        return known[status]
    fault = getattr(error, "strerror", None) or type(error).__name__
    answer = f"HTTP status {status}" if status else fault
    return f"{answer}: check the network and the disk, and materialize again"


def _fetch_csv(target: Path, fetch: Callable[[Path], Path], origin: str) -> None:
    """Download a CSV, which Kaggle sends as it is or zipped."""
    with _beside(target) as folder:
        file = fetch(folder / "download")
        if zipfile.is_zipfile(file):
            unzip(file, folder / "content", origin, "download it again")
            file = _only_file(folder / "content", target.name, origin)
        file.replace(target)


# --- drive ---------------------------------------------------------------------------------------


def _open_drive(choice: DriveSource, folder: Path) -> Source:
    origin = f"Google Drive's file {choice.file_id}"
    remedy = (
        "share it with anyone who has the link, check wikiart.source.file_id, or wait a day if its"
        " download quota is used up"
    )
    fetch = partial(_fetch_from_drive, choice.file_id, remedy)
    _unpack_once(folder, fetch, origin, remedy)
    csv = _only_file(folder, choice.csv, origin).read_bytes() if choice.csv is not None else None
    return Source(origin, _in_folders([folder], named=False), csv)


def _fetch_from_drive(file_id: str, remedy: str, folder: Path) -> Path:
    file = folder / "archive.zip"
    fetch_from_drive(file_id, file, remedy)
    return file


# --- both ----------------------------------------------------------------------------------------


def _unpack_once(target: Path, fetch: Callable[[Path], Path], origin: str, remedy: str) -> None:
    """Make the folder `target` from an archive, all or nothing."""
    if target.is_dir():
        return
    with _beside(target) as folder:
        unzip(fetch(folder / "download"), folder / "content", origin, remedy)
        (folder / "content").rename(target)


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a hidden folder on the target's file system, so that a rename completes the work."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".download-", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_folders(folders: Iterable[Path], named: bool = True) -> tuple[Picture, ...]:
    fs = fsspec.filesystem("file")
    prefixes = {folder: f"{folder.name}/" if named else "" for folder in folders}
    return tuple(
        picture
        for folder, prefix in prefixes.items()
        for picture in _list_pictures(fs, str(folder.absolute()), prefix)
    )


def _only_file(folder: Path, name: str, origin: str) -> Path:
    found = sorted(
        Path(root) / name for root, _, files in os.walk(folder) for file in files if file == name
    )
    if not found:
        raise UnavailableError(f"There is no {name} in {origin}: check wikiart.source.csv")
    return found[0]
