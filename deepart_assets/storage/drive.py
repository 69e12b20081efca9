"""Fetching one file from Google Drive.

Belongs here: the download, and telling a file from a web page saved in its place. Does not belong
here: which files there are, unpacking or reading them.
"""

from pathlib import Path

from deepart_assets.errors import UnavailableError

DRIVE_URL = "https://drive.google.com/uc?id={file_id}"


def fetch_from_drive(file_id: str, target: Path, remedy: str) -> None:
    """Download a file to `target`, which appears only when it is complete.

    Args:
        file_id: The id in the file's address.
        target: Where to put it; its folder is made.
        remedy: What the user can do if the file cannot be had, for the message.

    Raises:
        UnavailableError: No network, no such file, or a log-in or quota page instead of the file;
            names the file and the remedy.
    """
    try:
        import gdown
    except ImportError as error:
        raise UnavailableError("The package gdown is missing: pip install gdown") from error
    origin = f"Google Drive's file {file_id}"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        # Without cookies: nothing is read from or left in the home folder.
        gdown.download(
            DRIVE_URL.format(file_id=file_id), str(partial), quiet=True, use_cookies=False
        )
        if not partial.is_file():
            raise UnavailableError(f"{origin} could not be downloaded: {remedy}")
        with partial.open("rb") as file:
            start = file.read(512)
        if looks_like_a_page(start):
            raise UnavailableError(
                f"{origin} could not be downloaded: a web page (log-in or quota) came in its"
                f" place; {remedy}"
            )
        partial.replace(target)
    except UnavailableError:
        raise
    # gdown, requests and urllib3 have no common base class; a user's interrupt is no Exception.
    except Exception as error:
        fault = getattr(error, "strerror", None) or type(error).__name__
        raise UnavailableError(f"{origin} could not be downloaded ({fault}): {remedy}") from error
    finally:
        partial.unlink(missing_ok=True)


def looks_like_a_page(data: bytes) -> bool:
    """Tell whether the bytes of a file, or its first ones, begin as a web page does."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n\v\f").lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))
