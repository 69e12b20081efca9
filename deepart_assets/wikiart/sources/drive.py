"""Paintings in an archive on Google Drive."""

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import DriveSR
from deepart_assets.settings.wikiart import DriveSource
from deepart_assets.storage.archives import Archive
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import drive_download
from deepart_assets.wikiart.sources.archive import archive_csv, archive_pictures
from deepart_assets.wikiart.sources.base import NO_PICTURE, Source


def open_drive(
    name: str, choice: DriveSource | DriveSR, downloads: Downloads, setting: str
) -> Source:
    """List the pictures of an archive, fetching it if it is not in the cache.

    Args:
        name: The source's name.
        choice: Which archive.
        downloads: The download cache.
        setting: The key of `choice` in the profile, for messages.

    Raises:
        UnavailableError: It is unavailable or not an archive, or has no pictures or no CSV.
    """
    origin = f"Google Drive's file {choice.file_id}"
    remedy = (
        f"share it with anyone who has the link, check {setting}.file_id, or wait a day if its"
        " download quota is used up"
    )
    download = drive_download(
        choice.file_id,
        f"drive/{choice.file_id}.zip",
        remedy=remedy,
        check=lambda file: Archive(file, origin, remedy),
        sha256=choice.sha256,
        sha256_key=f"{setting}.sha256",
    )
    archive = Archive(downloads.fetch(download).path, origin, remedy)
    pictures, others = archive_pictures(archive)
    if not pictures:
        raise UnavailableError(f"{NO_PICTURE} in {origin}: check {setting}.file_id")
    csv = None
    if isinstance(choice, DriveSource) and choice.csv is not None:
        path, csv = archive_csv(archive, choice.csv, origin, f"{setting}.csv")
        others.pop(path, None)
    return Source(name, origin, tuple(pictures), csv, others)
