"""Fetches ready-made RRDBNet weights: from Google Drive, a file, or the project itself."""

from __future__ import annotations

import re
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import PROJECT, project_path
from deepart_assets.settings.super_resolution import (
    BundledWeights,
    DriveWeights,
    FileWeights,
    PublishedWeights,
)
from deepart_assets.storage import sha256_of, sha256_of_file, stamp_of
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import drive_download
from deepart_assets.storage.lake import file_system
from deepart_assets.storage.weights import check_sha256, shipped_weights
from deepart_assets.super_resolution.weights.files import provenance_of, read_state, to_bytes

MODELS = PROJECT / "data" / "models"
"""The weights that the project ships."""

_KEY = "super_resolution.psnr_weights"


def fetch_weights(settings: PublishedWeights, downloads: Downloads) -> bytes:
    """Return ready-made weights as the bytes of a safetensors file (float32) with provenance.

    The provenance does not hold the settings: `source` says all of them but the hash to be checked,
    and a file that moves or is checked is still the same, so that nothing after it is made again.

    Args:
        settings: Which weights.
        downloads: Fetches and keeps what is on Drive.

    Raises:
        UnavailableError: They are unavailable, have another hash, or are not an RRDBNet ×4.
    """
    match settings:
        case DriveWeights():
            return _from_drive(settings, downloads)
        case FileWeights():
            data, shown = _read(settings.path), _shown(settings.path)
            check_sha256(shown, sha256_of(data), settings.sha256, f"{_KEY}.sha256")
            return _converted(data, f"file:{shown.rsplit('/', 1)[-1]}", shown)
        case BundledWeights():
            file = _bundled_file(settings)
            return _converted(file.read_bytes(), f"bundled:{settings.name}", str(file))


def version_of(settings: PublishedWeights) -> str | None:
    """Return what changes when other bytes would be fetched with the same settings.

    A SHA-256, or of a file elsewhere its stamp. None for Drive: a lock file holds its hash.

    Raises:
        UnavailableError: There is no such file.
    """
    match settings:
        case DriveWeights():
            return None
        case FileWeights():
            return settings.sha256.lower() if settings.sha256 else _stamp(settings.path)
        case BundledWeights():
            return sha256_of_file(_bundled_file(settings))


def _converted(data: bytes, source: str, name: str) -> bytes:
    origin = {f"origin_{key}": value for key, value in provenance_of(data).items()}
    provenance = {**origin, "source": source, "source_sha256": sha256_of(data)}
    return to_bytes(read_state(data, name), provenance)


# --- Google Drive --------------------------------------------------------------------------------


def _from_drive(settings: DriveWeights, downloads: Downloads) -> bytes:
    name = f"Google Drive's file {settings.file_id}"
    download = drive_download(
        settings.file_id,
        f"drive/{settings.file_id}.weights",
        remedy="check the network and that the file is shared with everyone, or train the weights"
        f" ({_KEY}.kind: train)",
        check=lambda file: read_state(file.read_bytes(), name),
        sha256=settings.sha256,
        sha256_key=f"{_KEY}.sha256",
    )
    fetched = downloads.fetch(download)
    return _converted(fetched.path.read_bytes(), f"drive:{settings.file_id}", name)


# --- files ---------------------------------------------------------------------------------------


def _read(path: str) -> bytes:
    try:
        fs, inside = file_system(_located(path))
        return bytes(fs.cat_file(inside))
    except Exception as error:  # each file system has errors of its own
        raise _unreadable(path, error) from None


def _stamp(path: str) -> str:
    try:
        fs, inside = file_system(_located(path))
        if isinstance(fs, LocalFileSystem):
            return sha256_of_file(Path(inside))
        fs.invalidate_cache()  # listings of object stores may be kept from an earlier run
        return stamp_of(fs.info(inside)) or sha256_of(fs.cat_file(inside))
    except Exception as error:
        raise _unreadable(path, error) from None


def _located(path: str) -> str:
    return path if "://" in path else str(project_path(path))


def _shown(path: str) -> str:
    """Return a path as it may be shown: without the user, the password and the query of a URL."""
    located = _located(path)
    return re.sub(r"//[^/@]*@", "//", located).split("?")[0] if "://" in located else located


def _unreadable(path: str, error: Exception) -> UnavailableError:
    shown = _shown(path)
    if isinstance(error, FileNotFoundError):
        return UnavailableError(
            f"There is no file {shown}: set {_KEY}.path to the file of weights (a path relative to"
            " the project, or a URL)"
        )
    # The texts of other errors may hold a URL with its credentials.
    is_plain = isinstance(error, ImportError) or (isinstance(error, OSError) and "://" not in shown)
    fault = getattr(error, "strerror", None) or str(error) if is_plain else type(error).__name__
    return UnavailableError(
        f"{shown} cannot be read ({fault}): check that it is a file and that its place can be"
        f" reached, or set {_KEY}.path to another"
    )


# --- the project's own ---------------------------------------------------------------------------


def _bundled_file(settings: BundledWeights) -> Path:
    return shipped_weights(MODELS, settings.name, _KEY, "train")
