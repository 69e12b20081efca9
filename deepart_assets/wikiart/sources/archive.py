"""The pictures of a zip archive."""

from functools import partial

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.archives import Archive
from deepart_assets.wikiart.sources.base import Picture, is_hidden, sorted_out


def archive_pictures(archive: Archive, prefix: str = "") -> tuple[list[Picture], dict[str, str]]:
    """Return the pictures of an archive and, by path, why its other files are left out.

    A picture is read from the archive each time. Nested archives count as other files.

    Args:
        archive: Must stay open while its pictures are in use.
        prefix: Put before each path.
    """
    return sorted_out(
        Picture(prefix + member.path, partial(archive.read, member.path), member.stamp)
        for member in archive.members
        if not is_hidden(member.path)
    )


def archive_csv(archive: Archive, name: str, origin: str, setting: str) -> tuple[str, bytes]:
    """Return the path and bytes of the CSV, wherever it is in the archive.

    Raises:
        UnavailableError: It is missing or damaged; the message names the setting.
    """
    member = archive.ending_in(name)
    if member is None:
        raise UnavailableError(f"There is no {name} in {origin}: check {setting}")
    try:
        return member.path, archive.read(member.path)
    except OSError as error:
        raise UnavailableError(f"{error}: check {setting}") from error
