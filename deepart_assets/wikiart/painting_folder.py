"""Folders of the lake with at most one file for each painting, which people fill."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart.naming import painting_id, shown, stem_and_suffix, without_suffix
from deepart_assets.wikiart.sources.base import README

_MARK = re.compile(r"[ ._-]+masks?$", re.IGNORECASE)
_NAMED, _AMONG = 5, 5000
"""Most stray files whose nearest painting is looked for, and most paintings among which it is: a
file takes up to two tenths of a second then, at every tick of a sensor."""


def by_folded_id(keys: Collection[str]) -> dict[str, str]:
    """Return painting ids by themselves without case; no two differ in case alone."""
    return {key.casefold(): key for key in keys}


UNREADABLE = "unreadable"


class CuratorFile(NamedTuple):
    """A file that somebody has put into a `PaintingFolder`."""

    path: str
    """In the data lake."""
    sha256: str
    """`UNREADABLE` for one that cannot be read."""


@dataclass(frozen=True)
class PaintingFolder:
    """A folder with at most one file for each painting, which people fill."""

    folder: str
    """In the data lake; the file of a painting is `<folder>/<painting id><suffix>`."""
    suffix: str
    others: frozenset[str] = frozenset()
    """Further suffixes that are read, in lower case."""
    stray: Callable[[str], bool] = lambda name: True
    """Whether a file that belongs to no painting is reported here, by its name. Of several assets
    that share a folder one does."""

    @property
    def _suffixes(self) -> set[str]:
        return {self.suffix, *self.others}

    def path(self, key: str) -> str:
        """Return the lake path where a painting's file is best put."""
        return f"{self.folder}/{key}{self.suffix}"

    def names(self, lake: Lake) -> set[str]:
        """Return the names of the files that are there, those of no painting too."""
        listed = {path.rsplit("/", 1)[1] for path in lake.list(self.folder)}
        return {name for name in listed if name != README}

    def key_of(self, name: str, folded: Mapping[str, str]) -> str | None:
        """Return the painting that a file belongs to by its name, or None.

        `folded` has the paintings by their ids without case (`by_folded_id`).

        The name follows the rule of painting ids (`painting_id`) with a suffix of any case,
        perhaps twice or after that of the painting, and perhaps with "_mask" at its end. A painting
        whose own id ends like that comes first, so `folded` has to have all of them.
        """
        stem, suffix = stem_and_suffix(name)
        if suffix.lower() not in self._suffixes:
            return None
        for part in (stem, without_suffix(stem)):
            for candidate in (part, painting_id(part + self.suffix)):
                for unmarked in (candidate, _MARK.sub("", candidate)):
                    if (key := folded.get(unmarked.casefold())) is not None:
                        return key
        return None

    def files(self, lake: Lake, keys: Collection[str]) -> dict[str, str]:
        """Return the name of the file of each painting that has one; `keys` are all paintings.

        Of several the one that is named as `path` says counts, else the first.
        """
        names, folded = self.names(lake), by_folded_id(keys)
        found: dict[str, str] = {}
        for name in sorted(names):
            key = self.key_of(name, folded)
            if key is not None:
                exact = f"{key}{self.suffix}"
                found.setdefault(key, exact if exact in names else name)
        return found

    def strays(self, lake: Lake, keys: Collection[str]) -> dict[str, str]:
        """Return what is wrong with each file that is not used, with the remedy, by its name."""
        names = set(filter(self.stray, self.names(lake)))
        used, folded = self.files(lake, keys), by_folded_id(keys)
        reasons = dict.fromkeys(
            sorted(filter(self.stray, _folders(lake, self.folder))),
            f"is a folder, which is not read: put what it has into {self.folder}",
        )
        for name in sorted(names - set(used.values())):
            key = self.key_of(name, folded)
            if key is not None:
                reasons[name] = f"is a second file of {key} beside {shown(used[key])}: remove one"
                continue
            own = painting_id(name)
            is_quick = len(reasons) < _NAMED and len(keys) <= _AMONG
            near = difflib.get_close_matches(own, keys, 1, 0.5) if is_quick else []
            like = f" (the nearest is {near[0]}{self.suffix})" if near else ""
            suffix = shown(stem_and_suffix(name)[1])
            fault = (
                "belongs to no painting: rename it"
                if suffix.lower() in self._suffixes
                else f"is not read, by its suffix {suffix or '(none)'}: save it as"
            )
            reasons[name] = f"{fault} <painting id>{self.suffix}{like}"
        return reasons

    def located(self, lake: Lake, key: str, folded: Mapping[str, str]) -> str:
        """Return the lake path of a painting's file, whose name may be another than `path`.

        Args:
            lake: The data lake.
            key: The painting.
            folded: All paintings (`by_folded_id`): a file may belong to one with a longer id.
        """
        if lake.exists(self.path(key)):
            return self.path(key)
        own = by_folded_id({key})
        likely = (name for name in sorted(self.names(lake)) if self.key_of(name, own))
        found = [name for name in likely if self.key_of(name, folded) == key]
        return f"{self.folder}/{found[0]}" if found else self.path(key)

    def read(
        self, lake: Lake, keys: Collection[str], wanted: Collection[str]
    ) -> dict[str, CuratorFile]:
        """Return the file of each wanted painting that has one; `keys` are all paintings."""
        names = self.files(lake, {*keys, *wanted})
        paths = {key: f"{self.folder}/{names[key]}" for key in wanted if key in names}
        return {key: CuratorFile(path, _sha256_in(lake, path)) for key, path in paths.items()}


def _folders(lake: Lake, folder: str) -> list[str]:
    """Return the names of the folders in a folder of a local lake."""
    path = Path(lake.full_path(folder))
    if not (lake.is_local and path.is_dir()):
        return []
    return [each.name for each in path.iterdir() if each.is_dir() and each.name[0] != "."]


def _sha256_in(lake: Lake, path: str) -> str:
    """Return the SHA-256 of a file, or `UNREADABLE`: a link that leads nowhere, one not to read."""
    try:
        return sha256_of(lake.read(path))
    except OSError:
        if not lake.is_local:  # a bucket that fails is no fault of the file
            raise
        return UNREADABLE


TEXTS = PaintingFolder("masks", ".txt", stray=lambda name: name.lower().endswith(".txt"))
"""What the subject of a painting is, in a curator's words."""

MASKS = PaintingFolder(
    "masks",
    ".png",
    others=frozenset({".bmp", ".jpeg", ".jpg", ".tif", ".tiff", ".webp"}),
    stray=lambda name: not TEXTS.stray(name),
)
"""Masks and strokes that a curator has drawn."""
