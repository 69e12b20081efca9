"""Folders of the lake with at most one file for each painting, which people fill."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart.naming import painting_id, stem_and_suffix
from deepart_assets.wikiart.sources.base import README

_MARK = re.compile(r"[ ._-]+masks?$", re.IGNORECASE)
_NAMED = 50
"""Most stray files whose nearest painting is looked for."""


def by_folded_id(keys: Collection[str]) -> dict[str, str]:
    """Return painting ids by themselves without case; no two differ in case alone."""
    return {key.casefold(): key for key in keys}


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
        perhaps twice or after that of the painting, and perhaps with "_mask" at its end.
        """
        stem, suffix = stem_and_suffix(name)
        if suffix.lower() not in self._suffixes:
            return None
        for shorter in (stem, stem_and_suffix(stem)[0]):
            for candidate in (shorter, painting_id(shorter + self.suffix)):
                for unmarked in (candidate, _MARK.sub("", candidate)):
                    if (key := folded.get(unmarked.casefold())) is not None:
                        return key
        return None

    def files(self, lake: Lake, keys: Collection[str]) -> dict[str, str]:
        """Return the name of the file of each painting that has one.

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
        reasons: dict[str, str] = {}
        for name in sorted(names - set(used.values())):
            key = self.key_of(name, folded)
            if key is not None:
                reasons[name] = f"is a second file of {key} beside {used[key]}: remove one"
                continue
            own = painting_id(name)
            near = difflib.get_close_matches(own, keys, 1, 0.5) if len(reasons) < _NAMED else []
            like = f" (the nearest is {near[0]}{self.suffix})" if near else ""
            suffix = stem_and_suffix(name)[1]
            fault = (
                "belongs to no painting: rename it"
                if suffix.lower() in self._suffixes
                else f"is not read, by its suffix {suffix or '(none)'}: save it as"
            )
            reasons[name] = f"{fault} <painting id>{self.suffix}{like}"
        return reasons

    def located(self, lake: Lake, key: str) -> str:
        """Return the lake path of a painting's file, whose name may be another than `path`."""
        if lake.exists(self.path(key)):
            return self.path(key)
        return f"{self.folder}/{self.files(lake, {key}).get(key, key + self.suffix)}"

    def hashes(self, lake: Lake, keys: Collection[str]) -> dict[str, str]:
        """Return the SHA-256 of the file of each painting that has one."""
        return {
            key: sha256_of(lake.read(f"{self.folder}/{name}"))
            for key, name in self.files(lake, set(keys)).items()
        }


TEXTS = PaintingFolder("masks", ".txt", stray=lambda name: name.lower().endswith(".txt"))
"""What the subject of a painting is, in a curator's words."""

MASKS = PaintingFolder(
    "masks",
    ".png",
    others=frozenset({".bmp", ".jpeg", ".jpg", ".tif", ".tiff", ".webp"}),
    stray=lambda name: not TEXTS.stray(name),
)
"""Masks and strokes that a curator has drawn."""
