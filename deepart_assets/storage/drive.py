"""Downloads from Google Drive by file id, past its virus scan confirmation page."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import requests

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.answers import Fault
from deepart_assets.storage.archives import Archive
from deepart_assets.storage.downloads import Download, Downloads
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
    """Describe a file of Google Drive that is shared with everyone.

    Args:
        file_id: The id in the file's address.
        name: Its path in the cache folder.
        remedy: What the user can do if the file cannot be had, for the message.
        check: As `Download.check`.
        sha256: As `Download.sha256`.
        sha256_key: As `Download.sha256_key`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", file_id):
        raise UnavailableError(f"{file_id!r} is no id of a Google Drive file: {remedy}")
    return Download(
        name=name,
        origin=f"Google Drive's file {file_id}",
        locate=lambda session: _locate(session, file_id),
        remedy=remedy,
        check=check,
        sha256=sha256,
        sha256_key=sha256_key,
    )


def fetch_member(archive_id: str, ending: str, downloads: Downloads, key: str) -> Path:
    """Return the one member whose path ends in `ending` of an archive on Google Drive.

    Both the archive and the member stay in the cache folder.

    Args:
        archive_id: The id in the archive's address.
        ending: The end of the member's path; in the archive there may be folders in front.
        downloads: Fetches and keeps the archive.
        key: The setting that names it, for messages.

    Raises:
        UnavailableError: The archive cannot be had, or has no such member, or a damaged one.
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
    # By the archive's hash: the members of another archive are other files.
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
        raise UnavailableError(f"{error}: delete {target}, and it is fetched again") from error
    return unpacked


def _locate(session: requests.Session, file_id: str) -> Address:
    """Return the address behind the page of confirmation; large files have one.

    Cookies stay in the session: nothing is read from or left in the home folder.
    """
    url = DRIVE_URL.format(file_id=file_id)
    # One byte: a file is only to be told from a page.
    with session.get(url, headers={"Range": "bytes=0-0"}, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code != 416:  # an empty file
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
        raise Fault("a web page (log-in or quota) came in its place", lasting=True) from None
    # gdown makes relative links absolute with Google's name, whatever site the page is from.
    return Address(urljoin(where, re.sub(r"^https://docs\.google\.com/uc\?", "/uc?", found)))
