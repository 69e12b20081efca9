"""The inbox: a folder into which users drop paintings to restore."""

from collections.abc import Callable
from pathlib import Path

from deepart_assets.settings.wikiart import FolderSource, Inbox
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.storage.lake import file_system
from deepart_assets.wikiart.sources.base import Source
from deepart_assets.wikiart.sources.folder import open_folder

NAME = "inbox"
"""Name of the source, and of the folder in the data root."""


def inbox_lake(choice: Inbox, lake: Lake) -> Lake:
    """Return the inbox as a lake of its own; a local folder is created if needed."""
    found = Lake(choice.path or lake.full_path(NAME))
    if found.is_local:
        Path(found.url).expanduser().mkdir(parents=True, exist_ok=True)
    return found


def open_inbox(choice: Inbox, lake: Lake, report: Callable[[str], None]) -> Source:
    """List the inbox.

    Args:
        choice: Its settings.
        lake: The data lake, in which it is by default.
        report: Receives a line for each file or folder that cannot be listed.
    """
    place = inbox_lake(choice, lake)
    fs, inside = file_system(place.url)
    if not fs.isdir(inside):  # a bucket's folder exists once it has a file
        return Source(NAME, place.url, ())
    csv = choice.csv if place.exists(choice.csv) else None
    return open_folder(NAME, FolderSource(path=place.url, csv=csv), report, NAME)


def inbox_stamps(choice: Inbox, lake: Lake) -> dict[str, str]:
    """Return the stamps of the pictures in the inbox and the hash of the CSV, by path."""
    source = open_inbox(choice, lake, lambda _: None)
    stamps = {picture.path: picture.stamp or "" for picture in source.pictures}
    return stamps if source.csv is None else {**stamps, choice.csv: sha256_of(source.csv)}
