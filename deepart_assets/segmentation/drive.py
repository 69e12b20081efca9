"""Fetching the published segmentation checkpoints from Google Drive into the cache folder.

Belongs here: the place of the archive and the extraction of one member. Does not belong here:
reading it.
"""

import os
import zipfile
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.profile import cache_folder
from deepart_assets.storage.drive import fetch_from_drive


def fetch_archive(file_id: str) -> Path:
    """Return a zip archive of Google Drive in the cache, downloading it if it is not there.

    Raises:
        UnavailableError: As for `fetch_from_drive`, or the file is no zip archive.
    """
    target = cache_folder() / "drive" / f"{file_id}.zip"
    if zipfile.is_zipfile(target):
        return target
    remedy = f"check the network, or download it with a browser and save it as {target}"
    fetch_from_drive(file_id, target, remedy)
    if not zipfile.is_zipfile(target):
        target.unlink()
        raise UnavailableError(f"Google Drive's file {file_id} is no zip archive: {remedy}")
    return target


def extract_member(archive: Path, ending: str) -> Path:
    """Extract the one member whose path ends in `ending` beside the archive and return its path.

    Raises:
        UnavailableError: The archive holds no such member, or a damaged one.
    """
    target = archive.with_suffix("") / ending
    if target.exists():
        return target
    try:
        with zipfile.ZipFile(archive) as files:
            # In the archive the path may have further folders in front.
            found = [name for name in files.namelist() if f"/{name}".endswith(f"/{ending}")]
            if not found:
                raise UnavailableError(f"{archive} holds no {ending}: check the archive's id")
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
            with files.open(found[0]) as source, partial.open("wb") as copy:
                while block := source.read(1 << 20):
                    copy.write(block)
            partial.replace(target)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise UnavailableError(
            f"{archive} is damaged ({error}): delete it, it will be fetched again"
        ) from error
    return target
