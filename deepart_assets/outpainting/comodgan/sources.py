"""Fetches a generator's weights from Google Drive, a file or the project itself."""

from __future__ import annotations

from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan.weights import read_weights, to_bytes
from deepart_assets.settings.outpainting import (
    BundledGenerator,
    DriveGenerator,
    FileGenerator,
    GeneratorWeights,
)
from deepart_assets.settings.places import PROJECT, cache_folder, data_root, project_path
from deepart_assets.storage import Lake, sha256_of_file
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import drive_download, fetch_member
from deepart_assets.storage.weights import check_sha256, shipped_weights

MODELS = PROJECT / "data" / "models" / "outpainting"
"""The generators that the project ships."""
FORMAT = 1
"""Raised when the conversion changes: what was converted before is then not used."""

_KEY = "the outpainter's weights"


def version_of(choice: GeneratorWeights) -> str:
    """Return what decides whether weights are fetched again: a file's hash, Drive's id.

    Raises:
        UnavailableError: There is no such file.
    """
    match choice:
        case BundledGenerator():
            return sha256_of_file(_bundled(choice))
        case FileGenerator():
            return sha256_of_file(_file(choice))
        case DriveGenerator():
            return f"{choice.file_id} {choice.member or ''}"


def fetch_weights(choice: GeneratorWeights, downloads: Downloads | None = None) -> Path:
    """Return a safetensors file of a generator (`weights.read_weights` reads it).

    A published file is converted once, into the cache folder, under its SHA-256.

    Args:
        choice: Which weights.
        downloads: Fetches and keeps what is on Drive; None for the folders of `settings.places`.

    Raises:
        UnavailableError: They are unavailable, have another hash, or are not a generator's.
    """
    downloads = downloads or Downloads(cache_folder(), Lake(data_root()))
    match choice:
        case BundledGenerator():
            return _bundled(choice)
        case DriveGenerator():
            return _converted(_from_drive(choice, downloads), downloads)
        case FileGenerator():
            return _converted(_file(choice), downloads)


def _converted(file: Path, downloads: Downloads) -> Path:
    """Return the project's format of a published file; it appears only when it is complete."""
    kept = Lake(downloads.cache / "comodgan")
    name = f"{sha256_of_file(file)}-{FORMAT}.safetensors"
    if not kept.exists(name):
        downloads.report(f"{file.name}: converting to safetensors")
        weights = read_weights(file)
        kept.write(name, to_bytes(weights.tensors, weights.provenance))
    return Path(kept.full_path(name))


def _from_drive(choice: DriveGenerator, downloads: Downloads) -> Path:
    if choice.member is not None:
        return fetch_member(choice.file_id, choice.member, downloads, f"{_KEY}.member")
    name = f"drive/{choice.file_id}.checkpoint"
    remedy = (
        "check the network, or download it with a browser and save it as"
        f" {downloads.cache / name}, or set {_KEY} to a file that you have"
    )
    download = drive_download(choice.file_id, name, remedy=remedy)
    return downloads.fetch(download).path


def _file(choice: FileGenerator) -> Path:
    file = project_path(choice.path)
    if not file.is_file():
        raise UnavailableError(
            f"There is no file {file}: set {_KEY}.path to a file of a CoModGAN generator (a path"
            " relative to the project)"
        )
    if choice.sha256 is not None:
        check_sha256(str(file), sha256_of_file(file), choice.sha256, f"{_KEY}.sha256")
    return file


def _bundled(choice: BundledGenerator) -> Path:
    return shipped_weights(MODELS, choice.name, _KEY, "drive")
