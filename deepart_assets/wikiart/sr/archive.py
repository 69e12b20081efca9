"""The original notebook's WikiArt SR: an archive with the folders train, valid and test."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.imaging import PictureFile
from deepart_assets.progress import Progress
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.naming import painting_id, shown, stem_and_suffix
from deepart_assets.wikiart.sources import Picture, Source
from deepart_assets.wikiart.sr.measuring import BOX, PIXELS_AT_A_TIME
from deepart_assets.wikiart.sr.selection import Selection
from deepart_assets.wikiart.sr.split import SPLITS
from deepart_assets.work import MemoryBudget, in_parallel

FOLDER = "wikiart_sr/pictures"
"""The lake's folder of the archive's pictures, with a folder for each split."""

CHOSEN = ["id", "path", "file", "sha256", "split", *BOX, "artist", "title", "style"]
"""As `selection.CHOSEN`, without measures: a person chose these. Artists are unknown."""

REJECTED = ["id", "path", "file", "split", "rule", "reason", "artist", "title", "style"]
"""Columns of the unreadable pictures; they are not in the lake, and `path` is ""."""


@dataclass(frozen=True)
class Taken:
    """The pictures taken from an archive."""

    selection: Selection
    pictures: dict[str, Picture]
    """The chosen pictures by lake path."""
    elsewhere: int
    """Number of pictures outside the three folders."""


def take_archive(source: Source, report: Callable[[str], None] = lambda line: None) -> Taken:
    """Take every readable picture of the folders train, valid and test, uncropped.

    The folders may be at any depth; of several in a path the innermost counts, in upper or lower
    case. Each picture is decoded once. The id is the file's stem; if several pictures share it, it
    is prefixed with the split and, if still needed, followed by a number.

    Raises:
        UnavailableError: One of the folders has no readable picture.
    """
    import pandas as pd

    found = [(split, picture) for picture in source.pictures if (split := _split_of(picture.path))]
    _check_folders({split for split, _ in found}, source)
    ids = _ids(found)
    progress = Progress("wikiart_sr inspected", 0, len(found), report)
    budget = MemoryBudget(PIXELS_AT_A_TIME)
    inspections = in_parallel(lambda item: _inspect(item[1], budget), found)
    rows: list[dict[str, Any]] = []
    pictures: dict[str, Picture] = {}
    for done, (painting, (split, picture), inspection) in enumerate(
        zip(ids, found, inspections, strict=True), start=1
    ):
        path = f"{FOLDER}/{split}/{painting}{stem_and_suffix(picture.path)[1]}"
        name = shown(picture.path)
        rows.append({"id": painting, "path": path, "file": name, "split": split, **inspection})
        pictures[path] = picture
        progress.update(done)
    table = pd.DataFrame(rows).sort_values("id").assign(artist="", title="", style="")
    is_good = table["reason"] == ""
    chosen = table[is_good][CHOSEN].reset_index(drop=True)
    bad = table[~is_good].assign(rule="unreadable", path="")[REJECTED]
    missing = [name for name in SPLITS if name not in set(chosen["split"])]
    if missing:
        raise UnavailableError(
            f"{source.origin} has no picture in {' and '.join(missing)} that can be read; the"
            f" first: {bad[bad['split'].isin(missing)]['reason'].iloc[0]}"
        )
    return Taken(
        Selection(chosen, bad.reset_index(drop=True)),
        {path: pictures[path] for path in chosen["path"]},
        len(source.pictures) - len(found),
    )


def _split_of(path: str) -> str:
    folders = [part.casefold() for part in PurePosixPath(path).parts[:-1]]
    return next((part for part in reversed(folders) if part in SPLITS), "")


def _check_folders(found: set[str], source: Source) -> None:
    missing = [name for name in SPLITS if name not in found]
    if missing:
        folders = sorted(
            {shown(str(PurePosixPath(picture.path).parent)) for picture in source.pictures}
        )
        more = ", …" if len(folders) > 10 else ""
        raise UnavailableError(
            f"{source.origin} has no picture in a folder {' or '.join(missing)}; its folders with"
            f" pictures are {', '.join(folders[:10])}{more}: set super_resolution.data_set.file_id"
            " to an archive with train, valid and test, or kind to rules"
        )


def _ids(found: list[tuple[str, Picture]]) -> list[str]:
    """Return ids that are unique without case: the lake's file system may ignore case."""
    plain = [painting_id(picture.path) or "picture" for _, picture in found]
    often = Counter(name.casefold() for name in plain)
    taken: set[str] = set()
    ids = []
    for (split, _), name in zip(found, plain, strict=True):
        first = name if often[name.casefold()] == 1 else f"{split}-{name}"
        unique, number = first, 2
        while unique.casefold() in taken:
            unique, number = f"{first}-{number}", number + 1
        taken.add(unique.casefold())
        ids.append(unique)
    return ids


def _inspect(picture: Picture, budget: MemoryBudget) -> dict[str, Any]:
    """Return hash and box of a picture, and the reason why it cannot be used, or ""."""
    name = shown(picture.path)
    nothing = {"sha256": "", **dict.fromkeys(BOX, 0)}
    try:
        data = picture.read()
        file = PictureFile(data, name)
        with budget.reserve(file.pixels):
            seen = file.reduced(64)
    except (PaintingError, OSError) as error:
        return {**nothing, "reason": str(error)}
    size = {"left": 0, "top": 0, "right": seen.width, "bottom": seen.height}
    return {"sha256": sha256_of(data), **size, "reason": ""}
