"""Ids of paintings and paths of collections in the lake."""

import re
import unicodedata
from dataclasses import dataclass

from deepart_assets import asset_names


@dataclass(frozen=True)
class Collection:
    """A folder of the lake with original pictures, their catalogue and its caches."""

    folder: str

    @property
    def catalogue(self) -> str:
        """The table of the pictures (`wikiart.catalogue`)."""
        return f"{self.folder}/catalogue.parquet"

    @property
    def inspections(self) -> str:
        """The cache of inspected source files (`wikiart.examine`)."""
        return f"{self.folder}/inspections.jsonl"

    @property
    def copies(self) -> str:
        """The cache of intact copies (`wikiart.originals`)."""
        return f"{self.folder}/copies.jsonl"


WIKIART = Collection(asset_names.WIKIART_PAINTINGS)
INBOX = Collection(asset_names.INBOX_PAINTINGS)
"""The paintings of the inbox, which are restored regardless of their style."""

_SAFE = re.compile(r"[A-Za-z0-9](?:[._]?[A-Za-z0-9-])*")

LONGEST_ID = 160
"""In bytes of UTF-8. File systems allow 255 for a name, and stages add suffixes."""


def painting_id(path: str) -> str:
    """Return the id of a picture: its file stem, in NFC, with unsafe characters replaced by "_".

    Letters and digits of all scripts and the characters ". _ -" are safe. A run of others, or of
    dots (".." leaves a folder, "..." is a partition range in Dagster), becomes one "_". Leading
    ". _ -" are removed, because files starting with a dot are hidden and keys starting with "_" are
    reserved by the store; so are trailing dots, which Windows drops. The result may be empty.
    """
    stem, _ = stem_and_suffix(path)
    if _SAFE.fullmatch(stem):
        return stem
    stem = unicodedata.normalize("NFC", stem)
    safe = "".join(
        # L, M, N: letters, the marks that some scripts write vowels with, digits
        letter if letter in ".-" or unicodedata.category(letter)[0] in "LMN" else "_"
        for letter in stem
    )
    return re.sub(r"\.{2,}|_{2,}", "_", safe).lstrip("._-").rstrip(".")


_IIIF = {"full", "max", "square", "0"}
"""Folders between an object's and its picture, where IIIF addresses are saved as paths."""

_REQUEST = re.compile(
    r"(?<=/)(?:full|square|(?:pct:)?[\d.]+(?:,[\d.]+){3})"  # region
    r"/\^?(?:max|full|!?\d*,\d*|pct:[\d.]+)"  # size
    r"/!?\d{1,3}(?:\.\d+)?/(?=[^/]+$)"  # rotation
)
"""All of them; numbers alone may be anybody's folders."""


def object_folders(path: str) -> list[str]:
    """Return the folders that a picture is in, without those of IIIF."""
    return [part for part in _REQUEST.sub("", path).split("/")[:-1] if part not in _IIIF]


def folder_id(path: str) -> str:
    """Return the id of a picture by its folder and its stem; "" for one that is in no folder."""
    folders = object_folders(path)
    return painting_id(f"{folders[-1]}_{path.rsplit('/', 1)[-1]}") if folders else ""


_BESIDE = (".mask", ".classes")
"""The ends of names of further PNGs of an output: "v.mask.png" is one of v, and would be the result
of a painting v.mask."""


def name_refusal(path: str, key: str) -> str:
    """Return why a picture of the id `key` cannot be used because of its name, or ""."""
    if not key:
        return f"{shown(path)} has no letter or digit in its name: rename it"
    if len(key.encode()) > LONGEST_ID:
        return f"{shown(path)} has a name of more than {LONGEST_ID} bytes: rename it"
    if key.casefold().endswith(_BESIDE):
        return (
            f"{shown(path)} is named like what is made beside a painting's result: rename it, or"
            " put a mask into the folder masks"
        )
    return ""


def stem_and_suffix(path: str) -> tuple[str, str]:
    """Split the last part of a path as PurePosixPath does, ten times as fast."""
    name = path[path.rfind("/") + 1 :]
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if 0 < dot < len(name) - 1 else (name, "")


def without_suffix(name: str) -> str:
    """Return a name without its suffix, which a number is not: 29.100.1 is a part of 29.100, or
    its verso."""
    stem, suffix = stem_and_suffix(name)
    return name if suffix[1:].isdigit() else stem


def shown(path: str) -> str:
    """Return a path as printable text: invalid UTF-8 and control characters become "�"."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
