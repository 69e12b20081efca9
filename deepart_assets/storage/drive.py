"""Downloads of public Google Drive files by id, including the virus scan confirmation page."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import requests

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.archives import Archive
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.responses import HTML_INSTEAD, TransferError
from deepart_assets.storage.transfer import TIMEOUT, Address

DRIVE_URL = "https://drive.google.com/uc?id={file_id}"


def drive_download(
    file_id: str,
    name: str,
    *,
    remedy: str,
    check: Callable[[Path], object] = lambda file: None,
    sha256: str | None = None,
    sha256_key: str = "sha256",
) -> Download:
    """Return the download of a public Google Drive file; see `Download` for the arguments."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", file_id):
        raise UnavailableError(f"{file_id!r} is not an id of a Google Drive file: {remedy}")
    return Download(
        name=name,
        origin=f"Google Drive's file {file_id}",
        locate=lambda session: _locate(session, file_id),
        remedy=remedy,
        remedies={
            403: "Drive does not let everyone read it: share it with anyone who has the link",
            404: f"there is no such file: check the id; {remedy}",
            429: "Drive has had too many requests from here: wait an hour",
            500: "Google Drive has an error: try again later",
        },
        check=check,
        sha256=sha256,
        sha256_key=sha256_key,
    )


def fetch_member(archive_id: str, ending: str, downloads: Downloads, key: str) -> Path:
    """Download an archive from Google Drive and extract one member into the cache.

    Args:
        archive_id: The file id of the archive.
        ending: The path of the member, possibly without leading folders.
        downloads: The download cache.
        key: The setting, for messages.

    Raises:
        UnavailableError: The archive is unavailable, or the member is missing or damaged.
    """
    origin = f"Google Drive's file {archive_id}"
    target = downloads.cache / "drive" / f"{archive_id}.zip"
    remedy = f"check the network, or download it with a browser and save it as {target}"
    download = drive_download(
        archive_id,
        f"drive/{archive_id}.zip",
        remedy=remedy,
        check=lambda file: Archive(file, origin, remedy),
    )
    fetched = downloads.fetch(download)
    # The folder is named by hash: another archive has other members.
    unpacked = target.with_suffix("") / fetched.sha256[:16] / ending
    if unpacked.is_file():
        return unpacked
    archive = Archive(fetched.path, origin, remedy)
    member = archive.ending_in(ending)
    if member is None:
        raise UnavailableError(f"{origin} holds no {ending}: check {key}")
    try:
        archive.extract(member.path, unpacked)
    except OSError as error:
        raise UnavailableError(f"{error}: delete {target} to download it again") from error
    return unpacked


_PAGES = {
    r"quota exceeded|too many users have viewed": "its download quota is used up: wait a day",
    r"request access|you need (?:access|permission)": "it is not shared with everyone",
    r"accounts\.google\.com|sign in": "Drive wants a sign-in: it is not shared with everyone",
    r"virus scan|can't scan": "Drive's warning of viruses was not understood",
}
"""What Drive's pages in place of a file mean, by words in them or in their address."""


def _refusal(page: str, where: str) -> str:
    """Say why Drive sent a page."""
    text = f"{where}\n{page}".lower()
    return next((kind for words, kind in _PAGES.items() if re.search(words, text)), HTML_INSTEAD)


def _locate(session: requests.Session, file_id: str) -> Address:
    """Return the file's address, past the confirmation page of large files."""
    url = DRIVE_URL.format(file_id=file_id)
    # One byte is enough to distinguish a file from a page.
    with session.get(url, headers={"Range": "bytes=0-0"}, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code != 416:  # 416: an empty file
            answer.raise_for_status()
        if "text/html" not in answer.headers.get("Content-Type", "").lower():
            return Address(url)
        page = answer.text
        where = answer.url
    try:
        from gdown.download import get_url_from_gdrive_confirmation
        from gdown.exceptions import FileURLRetrievalError
    except ImportError as error:
        raise UnavailableError("The package gdown is missing: pip install gdown") from error
    try:
        found = get_url_from_gdrive_confirmation(page)
    except FileURLRetrievalError:
        raise TransferError(_refusal(page, where), permanent=True) from None
    # gdown resolves relative links against Google's host, not the page's.
    return Address(urljoin(where, re.sub(r"^https://docs\.google\.com/uc\?", "/uc?", found)))
