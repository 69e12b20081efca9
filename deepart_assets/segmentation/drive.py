"""Fetching the published segmentation checkpoints from Google Drive into the cache folder.

Belongs here: the download and the extraction of one member. Does not belong here: reading it.
"""

import os
import zipfile
from pathlib import Path

from deepart_assets.errors import UnavailableError


def cache_folder() -> Path:
    """Return where downloads are kept: `DEEPART_CACHE`, or ~/.cache/deepart."""
    return Path(os.environ.get("DEEPART_CACHE") or Path.home() / ".cache" / "deepart")


def fetch_archive(file_id: str) -> Path:
    """Return a zip archive of Google Drive in the cache, downloading it if it is not there.

    An interrupted download is taken up again by the next call.

    Raises:
        UnavailableError: No network, no such file, a quota or log-in page instead of the archive.
    """
    target = cache_folder() / "drive" / f"{file_id}.zip"
    if zipfile.is_zipfile(target):
        return target
    import gdown

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    remedy = (
        f"download https://drive.google.com/uc?id={file_id} with a browser and save it as {target}"
    )
    try:
        gdown.download(id=file_id, output=str(partial), quiet=True, resume=True)
    # gdown, requests and urllib3 have no common base class; a user's interrupt is no Exception.
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise UnavailableError(
            f"the archive {file_id} could not be fetched from Google Drive"
            f" ({type(error).__name__}: {first_line}): check the network, or {remedy}"
        ) from error
    if not partial.exists():
        raise UnavailableError(f"Google Drive gave no file for {file_id}: {remedy}")
    if not zipfile.is_zipfile(partial):
        with partial.open("rb") as file:
            start = file.read(512).lstrip().lower()
        partial.unlink()
        what = "a web page (a log-in or quota page)" if start.startswith(b"<") else "no zip archive"
        raise UnavailableError(f"Google Drive sent {what} for {file_id}: {remedy}")
    partial.replace(target)
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
