"""The inbox: a folder into which users drop paintings to restore."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.settings.places import project_path
from deepart_assets.settings.wikiart import FolderSource, Inbox
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.storage.lake import file_system
from deepart_assets.wikiart.sources.base import README, Source
from deepart_assets.wikiart.sources.folder import open_folder

NAME = "inbox"
"""Name of the source, and of the folder in the data root."""

MASKS = "masks"
"""The folder of the curator's masks, beside it."""

_INBOX_README = """\
Drop paintings here, in folders as you like: JPEG, TIFF, PNG, WebP, JPEG 2000, AVIF.
A CSV named paintings.csv may describe them: columns file, title, artist, year, style, subject.
What cannot be used is named in the log of the run, with the reason and the remedy.
"""

_MASKS_README = """\
A mask of a painting is named as the painting: <painting id>.png (`deepart paintings` has the ids).
White is kept, black is generated; or strokes on transparent: green is kept, red is generated.
<painting id>.txt says in words what the subject is, for the segmenter `described`.
"""


def inbox_lake(choice: Inbox, lake: Lake) -> Lake:
    """Return the inbox as a lake of its own; a relative path is relative to the project.

    Local folders for it and for the curator's masks are made if needed, each with a README.
    """
    path = choice.path or lake.full_path(NAME)
    found = Lake(path if "://" in path else project_path(path))
    if found.is_local:
        _explain(Path(found.full_path(README)), _INBOX_README)
    if lake.is_local:
        _explain(Path(lake.full_path(f"{MASKS}/{README}")), _MASKS_README)
    return found


def _explain(readme: Path, text: str) -> None:
    """Make the folder of a README, with it, unless the folder is there or nobody may make it."""
    if readme.parent.is_dir():
        return
    with suppress(OSError):  # listing an inbox needs none; who writes into it is told
        readme.parent.mkdir(parents=True)
        readme.write_text(text, encoding="utf-8")


def open_inbox(choice: Inbox, lake: Lake) -> Source:
    """List the inbox.

    Args:
        choice: Its settings.
        lake: The data lake, in which it is by default.
    """
    place = inbox_lake(choice, lake)
    fs, inside = file_system(place.url)
    if not fs.isdir(inside):  # a bucket's folder exists once it has a file
        return Source(NAME, place.url, ())
    csv = choice.csv if place.exists(choice.csv) else None
    try:
        return open_folder(NAME, FolderSource(path=place.url, csv=csv), NAME)
    except UnavailableError as error:
        # A store that fails for a moment must not cost the paintings their labels.
        if not (place.is_local and isinstance(error.__cause__, PermissionError)):
            raise
        source = open_folder(NAME, FolderSource(path=place.url, csv=None), NAME)
        fault = f"cannot be read ({first_line(error.__cause__)}): make it readable, or remove it"
        return replace(source, ignored={**source.ignored, choice.csv: fault})


def inbox_stamps(choice: Inbox, lake: Lake) -> dict[str, str]:
    """Return the stamps of what is in the inbox and the hash of the CSV, by path."""
    source = open_inbox(choice, lake)
    stamps = {picture.path: picture.stamp or "" for picture in source.pictures}
    stamps |= dict.fromkeys(source.ignored, "left out")  # the run says why
    return stamps if source.csv is None else {**stamps, choice.csv: sha256_of(source.csv)}
