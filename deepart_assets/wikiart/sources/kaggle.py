"""Paintings of a Kaggle competition: pictures in archives, a CSV beside them."""

import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter

from deepart_assets.compat import without_output
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.wikiart import KaggleSource
from deepart_assets.storage.archives import Archive
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.responses import TransferError
from deepart_assets.storage.transfer import TIMEOUT, Address
from deepart_assets.wikiart.sources.archive import archive_csv, archive_pictures
from deepart_assets.wikiart.sources.base import NO_PICTURE, Picture, Source

REMEDY = "check the network and the disk, and materialize again"


def open_kaggle(name: str, choice: KaggleSource, downloads: Downloads, setting: str) -> Source:
    """List the pictures of all archives, fetching what is not in the cache.

    A picture's path begins with the name of its archive: `train/…` for train.zip. If everything is
    in the cache, neither network nor credentials are needed.

    Args:
        name: The source's name.
        choice: Which competition and files.
        downloads: The download cache.
        setting: The key of `choice` in the profile, for messages.

    Raises:
        UnavailableError: Credentials or a file are unavailable, or there are no pictures.
    """
    competition = _Competition(choice.competition, setting)
    # The CSV first: it is small, and quickly shows whether Kaggle is accessible.
    csv = _csv(downloads.fetch(competition.download(choice.csv)).path, choice.csv, setting)
    pictures: list[Picture] = []
    others: dict[str, str] = {}
    for file in choice.archives:
        fetched = downloads.fetch(competition.download(file, is_archive=True))
        archive = Archive(fetched.path, competition.origin(file), REMEDY)
        found = archive_pictures(archive, f"{Path(file).stem}/")
        pictures.extend(found[0])
        others |= found[1]
    origin = f"Kaggle's {choice.competition}"
    if not pictures:
        raise UnavailableError(f"{NO_PICTURE} in {origin}: check {setting}.archives")
    pictures.sort(key=lambda picture: picture.path)
    return Source(name, origin, tuple(pictures), csv, others)


def _csv(file: Path, name: str, setting: str) -> bytes:
    """Read the CSV, which Kaggle sends plain or zipped."""
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    origin = f"Kaggle's {name}"
    return archive_csv(Archive(file, origin, REMEDY), name, origin, f"{setting}.csv")[1]


class _Competition:
    """The files of one competition."""

    def __init__(self, name: str, setting: str) -> None:
        self._name = name
        self._setting = setting

    def origin(self, file: str) -> str:
        return f"Kaggle's {self._name}/{file}"

    def download(self, file: str, is_archive: bool = False) -> Download:
        def check(path: Path) -> None:
            if is_archive:
                Archive(path, self.origin(file), REMEDY)

        return Download(
            name=f"kaggle/{self._name}/{file}",
            origin=self.origin(file),
            locate=lambda session: self._locate(file),
            remedy=REMEDY,
            remedies={
                401: "the credentials are not valid: make a new token at"
                " https://www.kaggle.com/settings",
                403: "accept the competition's rules at"
                f" https://www.kaggle.com/competitions/{self._name}/rules with the token's account",
                429: "Kaggle has had too many requests: wait an hour",
                500: "Kaggle has a fault: try again later",
                404: f"no such file: check {self._setting}.competition, archives and csv",
            },
            check=check,
        )

    @cached_property
    def _api(self) -> Any:
        return _authenticated()

    def _locate(self, file: str) -> Address:
        """Ask Kaggle for the file; it answers with a redirect to a signed address."""
        from kagglesdk.competitions.types.competition_api_service import (
            ApiDownloadDataFileRequest,
        )

        request = ApiDownloadDataFileRequest()
        request.competition_name = self._name
        request.file_name = file
        with self._api.build_kaggle_client() as client:
            # The package would follow the redirect, which starts a transfer, and has no timeout.
            session = client.http_client()._session
            session.max_redirects = 0
            for scheme in ("http://", "https://"):
                session.mount(scheme, _Patient())
            answer = None
            try:
                client.competitions.competition_api_client.download_data_file(request).close()
            except requests.TooManyRedirects as redirect:
                answer = redirect.response
            except ValueError as error:  # the answer is not JSON, for example
                fault = f"Kaggle's answer was not understood ({type(error).__name__})"
                raise TransferError(fault) from None
        if answer is None:
            raise TransferError("Kaggle did not say where the file is")
        target = urljoin(answer.url, answer.headers["Location"])
        # On another host the signature in the address suffices; the token must not be sent there.
        if not target.startswith(urljoin(answer.url, "/")):
            return Address(target)
        token = answer.request.headers.get("Authorization")
        return Address(target, {"Authorization": str(token)} if token else {})


class _Patient(HTTPAdapter):
    """Adds a timeout to every request."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        return super().send(request, **{**options, "timeout": options.get("timeout") or TIMEOUT})


def _authenticated() -> Any:
    """Return kaggle's API with the user's credentials.

    Raises:
        UnavailableError: There are no credentials.
    """
    remedy = (
        "Kaggle needs credentials: make a token at https://www.kaggle.com/settings and put it in"
        " ~/.kaggle/access_token or KAGGLE_API_TOKEN (older keys: ~/.kaggle/kaggle.json, or"
        " KAGGLE_USERNAME and KAGGLE_KEY)"
    )
    try:
        # Importing the package authenticates; without credentials it prints a help text, and
        # authenticating again ends the process.
        with without_output():
            from kaggle.api.kaggle_api_extended import KaggleApi

            api = KaggleApi()
            api.authenticate()
    except ImportError as error:
        raise UnavailableError("The package kaggle is missing: pip install kaggle") from error
    except (SystemExit, OSError, ValueError):
        raise UnavailableError(remedy) from None  # the cause could show a token
    return api
