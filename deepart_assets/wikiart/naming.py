"""From file names to ids.

Belongs here: the rule by which a painting is named in the lake, in partition keys and in records.
Does not belong here: what happens when two names clash (`catalogue`).
"""

import re
import unicodedata
from pathlib import PurePosixPath

LONGEST_ID = 160
"""Bytes in UTF-8. File systems allow 255 for a name, and stages add suffixes."""


def painting_id(path: str) -> str:
    """Return the id of a picture: its file stem, in NFC, with unsafe characters replaced by "_".

    Letters and digits of all scripts, and ". _ -" are safe. Each run of anything else, and of dots
    (".." leaves folders, "..." is a range of partitions to Dagster) becomes one "_"; ". _ -" at the
    start go, because files that start with a dot are hidden and keys that start with "_" are the
    ledger's own. The result may be empty.
    """
    stem = unicodedata.normalize("NFC", PurePosixPath(path).stem)
    safe = "".join(
        # L, M, N: letters, the marks that some scripts write vowels with, digits
        letter if letter in ".-" or unicodedata.category(letter)[0] in "LMN" else "_"
        for letter in stem
    )
    return re.sub(r"\.{2,}|_{2,}", "_", safe).lstrip("._-")


def lake_name(path: str) -> str:
    """Return the name of a picture's file in the lake: its id and its original suffix."""
    return painting_id(path) + PurePosixPath(path).suffix


def shown(path: str) -> str:
    """Return a path as text: bytes of a file name that are no UTF-8 become "�"."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
