"""Sources of paintings: folders and buckets, Kaggle competitions, archives on Google Drive."""

from collections.abc import Mapping

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import DriveSR
from deepart_assets.settings.wikiart import DriveSource, FolderSource, KaggleSource
from deepart_assets.storage.downloads import Downloads
from deepart_assets.wikiart.sources.base import NO_PICTURE, Picture, Source
from deepart_assets.wikiart.sources.drive import open_drive
from deepart_assets.wikiart.sources.folder import open_folder
from deepart_assets.wikiart.sources.inbox import open_inbox
from deepart_assets.wikiart.sources.kaggle import open_kaggle

__all__ = ["Picture", "Source", "open_inbox", "open_source", "open_sources"]

Choice = FolderSource | KaggleSource | DriveSource | DriveSR
"""Settings of a source."""


def open_sources(choices: Mapping[str, Choice], downloads: Downloads) -> tuple[Source, ...]:
    """List the pictures of all sources, in the profile's order.

    Args:
        choices: The settings' `wikiart.sources`. Without any, there is one without pictures.
        downloads: Fetches archives that are not in the cache.

    Raises:
        UnavailableError: As for `open_source`, or no source has a picture.
    """
    if not choices:
        return (Source("none", "no source", ()),)
    sources = tuple(open_source(name, choice, downloads) for name, choice in choices.items())
    if not any(source.pictures for source in sources):
        places = ", ".join(source.origin for source in sources)
        raise UnavailableError(f"{NO_PICTURE} in {places}: put some there, or set wikiart.sources")
    return sources


def open_source(
    name: str, choice: Choice, downloads: Downloads, setting: str | None = None
) -> Source:
    """List the pictures of a source, fetching its archives if needed.

    Args:
        name: The source's name.
        choice: Its settings. A folder's relative path is relative to the project.
        downloads: Fetches archives that are not in the cache.
        setting: The key of `choice` in the profile, for messages; None: `wikiart.sources.<name>`.

    Raises:
        UnavailableError: The folder, its CSV, the credentials, the network or the archive is not
            available, or the archive has no pictures. A folder may be empty.
    """
    place = setting or f"wikiart.sources.{name}"
    if isinstance(choice, FolderSource):
        return open_folder(name, choice, place)
    if isinstance(choice, KaggleSource):
        return open_kaggle(name, choice, downloads, place)
    return open_drive(name, choice, downloads, place)
