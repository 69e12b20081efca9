"""Ready-made weights: of the project, a package, a file, an address, the hub or Google Drive."""

import contextlib
import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import project_path
from deepart_assets.settings.weights import (
    BundledWeights,
    DriveGenerator,
    DriveWeights,
    FileWeights,
    HubWeights,
    PackageWeights,
    PublishedWeights,
    UrlWeights,
)
from deepart_assets.storage.downloads import Download, Downloads, check_sha256
from deepart_assets.storage.drive import drive_download, fetch_member
from deepart_assets.storage.hashes import sha256_of, sha256_of_file
from deepart_assets.storage.hub import download_file
from deepart_assets.storage.lake import Lake, file_system, stamp_of
from deepart_assets.storage.transfer import Address

Choice = PublishedWeights | DriveGenerator


@dataclass(frozen=True)
class FoundWeights:
    """A local file of weights; `source` is "kind:name", `shown` a name for messages."""

    path: Path
    source: str
    shown: str


@dataclass
class WeightsFinder:
    """Finds the weights that a setting names.

    Attributes:
        key: The setting, for messages.
        content: What its files hold, for messages.
        folder: Contains the shipped weights as <name>.safetensors.
        suffix: Of a download's name in the cache.
        otherwise: What to do if Drive fails or `folder` is empty, for messages.
        check: Called with a download and its name for messages; raises UnavailableError if it does
            not hold weights.
    """

    key: str
    content: str
    folder: Path
    suffix: str
    otherwise: str
    check: Callable[[Path, str], object] = lambda file, name: None

    def inputs(self, choice: Choice) -> dict[str, str]:
        """Return what changes when other bytes would be found with the same settings.

        A SHA-256, or of a file behind a URL of fsspec its stamp. Drive's and an address's files are
        locked by their hash, and a model of the hub is taken as it was when it was first fetched.

        Raises:
            UnavailableError: There is no such file.
        """
        match choice:
            case FileWeights():
                version = choice.sha256.lower() if choice.sha256 else self._stamp(choice.path)
            case BundledWeights():
                version = sha256_of_file(self._shipped(choice.name))
            case DriveGenerator():
                version = f"{choice.file_id} {choice.member or ''}"
            case PackageWeights():
                version = sha256_of_file(self._packaged(choice))
            case DriveWeights() | UrlWeights() | HubWeights():
                return {}
        return {"source": version}

    def find(self, choice: Choice, downloads: Downloads) -> FoundWeights:
        """Return the file; a download or a copy of what a URL names is in the cache folder.

        Args:
            choice: Which weights.
            downloads: Fetches and keeps what is elsewhere.

        Raises:
            UnavailableError: They are unavailable, or have another hash than `choice` says.
        """
        match choice:
            case DriveGenerator(file_id=file_id, member=str(member)):
                path = fetch_member(file_id, member, downloads, f"{self.key}.member")
                source, shown = f"drive:{file_id}", member
            case DriveGenerator(file_id=file_id) | DriveWeights(file_id=file_id):
                name, shown = f"drive/{file_id}.{self.suffix}", f"Google Drive's file {file_id}"
                download = drive_download(
                    file_id,
                    name,
                    remedy="check the network and that the file is shared with everyone, or"
                    f" download it with a browser and save it as {downloads.cache / name}, or"
                    f" {self.otherwise}",
                    check=lambda file: self.check(file, shown),
                    sha256=getattr(choice, "sha256", None),
                    sha256_key=f"{self.key}.sha256",
                )
                path, source = downloads.fetch(download).path, f"drive:{file_id}"
            case FileWeights(path=place, sha256=expected):
                shown = _shown(place)
                with self._reading(place):
                    path = _local(place, downloads)
                    found = sha256_of_file(path)
                check_sha256(shown, found, expected, f"{self.key}.sha256")
                source = f"file:{shown.rsplit('/', 1)[-1]}"
            case UrlWeights(url=url):
                shown = _shown(url)
                name = url_place(url, self.suffix)
                download = Download(
                    name,
                    origin=shown,
                    locate=lambda session: Address(url),
                    remedy=f"check {self.key}.url and the network, or download it with a browser"
                    f" and save it as {downloads.cache / name}",
                    check=lambda path: self.check(path, shown),
                    sha256=choice.sha256,
                    sha256_key=f"{self.key}.sha256",
                )
                path, source = downloads.fetch(download).path, f"url:{Path(name).name}"
            case HubWeights(model=model, file=file):
                path = download_file(model, file, choice.revision, f"{self.key}.model")
                shown = f"{model}/{file}"
                self._verify(path, shown, choice.sha256)
                source = f"hub:{shown}"
            case BundledWeights(name=name):
                path, source = self._shipped(name), f"bundled:{name}"
                shown = str(path)
            case PackageWeights(package=package, file=file):
                path, source = self._packaged(choice), f"package:{package}/{file}"
                shown = str(path)
                self._verify(path, shown, choice.sha256)
        return FoundWeights(path, source, shown)

    def _verify(self, file: Path, shown: str, sha256: str | None) -> None:
        if sha256 is not None:
            check_sha256(shown, sha256_of_file(file), sha256, f"{self.key}.sha256")

    def _packaged(self, choice: PackageWeights) -> Path:
        spec = importlib.util.find_spec(choice.package)  # does not import it
        if spec is None or not spec.submodule_search_locations:
            raise UnavailableError(
                f"the package {choice.package} is not installed: install it, or {self.otherwise}"
            )
        file = Path(spec.submodule_search_locations[0]) / choice.file
        if not file.is_file():
            raise UnavailableError(
                f"the package {choice.package} has no file {choice.file}: correct {self.key}.file"
            )
        return file

    def _shipped(self, name: str) -> Path:
        file = self.folder / f"{name}.safetensors"
        if not file.is_file():
            known = " or ".join(sorted(each.stem for each in self.folder.glob("*.safetensors")))
            remedy = f"set {self.key}.name to {known}" if known else self.otherwise
            raise UnavailableError(f"The project ships no weights {file}: {remedy}")
        return file

    def _stamp(self, path: str) -> str:
        with self._reading(path):
            fs, inside = file_system(_located(path))
            if isinstance(fs, LocalFileSystem):
                return sha256_of_file(Path(inside))
            fs.invalidate_cache()  # listings of object stores may be kept from an earlier run
            return stamp_of(fs.info(inside)) or sha256_of(fs.cat_file(inside))

    @contextlib.contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        shown = _shown(path)
        try:
            yield
        except FileNotFoundError:
            raise UnavailableError(
                f"There is no file {shown}: set {self.key}.path to a file of {self.content} (a path"
                " relative to the project, or a URL)"
            ) from None
        except Exception as error:  # each file system has errors of its own
            # The texts of other errors may hold a URL with its credentials.
            is_plain = isinstance(error, ImportError) or (
                isinstance(error, OSError) and "://" not in shown
            )
            words = getattr(error, "strerror", None) or str(error)
            raise UnavailableError(
                f"{shown} cannot be read ({words if is_plain else type(error).__name__}): check"
                " that it is a file and that its place can be reached, or set"
                f" {self.key}.path to another"
            ) from None


def _local(path: str, downloads: Downloads) -> Path:
    fs, inside = file_system(_located(path))
    if isinstance(fs, LocalFileSystem):
        return Path(inside)
    data = fs.cat_file(inside)
    copies, name = Lake(downloads.cache / "urls"), sha256_of(data)
    copies.write(name, data)
    return Path(copies.full_path(name))


def _located(path: str) -> str:
    return path if "://" in path else str(project_path(path))


def url_place(url: str, otherwise: str = "weights") -> str:
    """Return where the file of an address is kept, in the cache folder.

    Args:
        url: Its address.
        otherwise: Its name, where the address has none.
    """
    return f"urls/{sha256_of(url.encode())[:16]}/{_shown(url).rsplit('/', 1)[-1] or otherwise}"


def _shown(path: str) -> str:
    """Return a path as it may be shown: without the user, the password and the query of a URL."""
    located = _located(path)
    return re.sub(r"//[^/@]*@", "//", located).split("?")[0] if "://" in located else located
