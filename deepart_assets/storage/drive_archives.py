"""Fetches one file from a zip archive on Google Drive."""

from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.archives import Archive
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import drive_download


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
