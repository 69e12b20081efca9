"""Unpacking archives that came from elsewhere.

Belongs here: telling an archive from a web page saved in its place, and unzipping without leaving
the folder. Does not belong here: downloading (`sources`).
"""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from deepart_assets.errors import UnavailableError


def unzip(archive: Path, target: Path, origin: str, remedy: str) -> None:
    """Unzip a whole archive into the new folder `target`.

    An archive with a member that would land outside `target`, or that is a link, is refused as a
    whole before anything is written.

    Args:
        archive: The downloaded file.
        target: The folder to make.
        origin: Where the archive came from, for messages.
        remedy: What to do if the download is not an archive, for messages.

    Raises:
        UnavailableError: Not a zip archive (a web page, say), damaged, unsafe, or larger than the
            free space of the disk.
    """
    if not zipfile.is_zipfile(archive):
        with archive.open("rb") as file:
            is_page = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        found = "a web page" if is_page else f"{archive.stat().st_size} bytes that are no zip file"
        raise UnavailableError(f"{origin} gave {found} instead of an archive: {remedy}")
    target.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as content:
            members = content.infolist()
            for member in members:
                _check_member(member, origin)
            _check_space(sum(member.file_size for member in members), target, origin)
            content.extractall(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UnavailableError(
            f"{origin} gave a damaged or encrypted archive ({error}): download it again"
        ) from error


def _check_member(member: zipfile.ZipInfo, origin: str) -> None:
    # `orig_filename` is the name as the archive has it, before zipfile tidies it.
    name = member.orig_filename.replace("\\", "/")
    path = PurePosixPath(name)
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if is_link or path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0]:
        raise UnavailableError(
            f"{origin} gave an archive whose member {name!r} would leave its folder: do not use it"
        )


def _check_space(needed: int, folder: Path, origin: str) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UnavailableError(
            f"{origin} unpacks to {needed / 1e9:.1f} GB but {folder} has {free / 1e9:.1f} GB left:"
            " make room or move the data root with DEEPART_DATA"
        )
