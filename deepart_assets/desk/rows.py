"""The rows of the wall: what is said of each painting, and how they are searched and sorted.

`index` keeps them up to date.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from deepart_assets import asset_names
from deepart_assets.desk.listed import Listed
from deepart_assets.names import name_key
from deepart_assets.storage import MaterializationRecord

STATUSES = {
    "accepted": "accepted",
    "rejected": "rejected",
    "restored": "restored",
    "doubtful": "doubtful mask",
    "no_subject": "no subject",
    "failed": "failed",
    "stale": "out of date",
    "being_made": "not finished",
}
"""What a painting may be, in words."""


class Outcome(NamedTuple):
    """What an asset's record of a painting says, in short."""

    stamp: str
    status: str
    made_at: str
    reason: str
    """Why it failed or was skipped; the verdict or the doubt of a mask."""
    doubtful: bool
    version: str
    """The first digits of the main file's SHA-256; "" without files."""

    @classmethod
    def of(cls, stamp: str, record: MaterializationRecord) -> "Outcome":
        """Summarize a record."""
        reason = record.reason or record.verdict or record.doubt or ""
        version = record.files[0].sha256[:16] if record.files else ""
        # With `doubtful: hold` a doubt is the verdict.
        is_held = record.verdict is not None and record.doubt is not None
        of_mask = "held" if is_held else "no_subject"
        status, made_at, why = map(
            sys.intern, (of_mask if record.verdict else record.status, record.made_at, reason)
        )
        return cls(stamp, status, made_at, why, record.doubt is not None, version)


@dataclass(frozen=True, slots=True)
class Row:
    """A painting on the wall."""

    listed: Listed
    statuses: tuple[str, ...]
    """The most important one first; keys of `STATUSES`."""
    reason: str
    made_at: str
    """When its last output was made, ISO 8601; "" before the first."""
    picture: tuple[str, str]
    """The asset whose picture stands for it, and that picture's version."""
    text: str
    """What a search looks through."""


class Query(NamedTuple):
    """What the wall shows."""

    words: str = ""
    style: str = ""
    artist: str = ""
    status: str = ""
    sort: str = "list"


SORTS = {
    "list": "as listed",
    "new": "last made",
    "check": "what needs a look",
    "title": "title",
}
"""The orders of the wall, in words."""

_URGENCY = ("failed", "no_subject", "doubtful", "stale", "rejected", "being_made")


def found_by(query: Query, rows: Iterable[Row], kept: str = "") -> list[Row]:
    """Return the rows that a query asks for, and that of the painting `kept`, in its order."""
    words = name_key(query.words).split()
    found = [
        row
        for row in rows
        if row.listed.id == kept
        or (
            (not query.style or row.listed.style == query.style)
            and (not query.artist or row.listed.artist == query.artist)
            and (not query.status or query.status in row.statuses)
            and all(word in row.text for word in words)
        )
    ]
    match query.sort:
        case "new":
            found.sort(key=lambda row: row.made_at, reverse=True)
        case "title":
            found.sort(key=lambda row: name_key(row.listed.title) or row.listed.id)
        case "check":
            urgency = {name: place for place, name in enumerate(_URGENCY)}
            found.sort(key=lambda row: urgency.get(row.statuses[0], len(urgency)))
    return found


def made_in_order(found: Mapping[str, Outcome]) -> bool:
    """Whether no output is older than what it is made from, whose bytes may be the same."""
    mask = found.get(asset_names.SUBJECT_MASKS)
    return mask is None or all(
        each.made_at >= mask.made_at
        for asset, each in found.items()
        if asset not in (asset_names.PREDICTED_MASKS, asset_names.SUBJECT_MASKS)
    )


def statuses_of(found: Mapping[str, Outcome], stages: int) -> tuple[tuple[str, ...], str]:
    """Return a painting's statuses and the reason of the first."""
    for asset, outcome in found.items():
        if outcome.status == "failed":
            return ("failed",), f"{asset.replace('_', ' ')} failed: {outcome.reason}"
    mask = found.get(asset_names.SUBJECT_MASKS)
    if mask is not None and mask.status == "held":
        return ("doubtful",), mask.reason
    if mask is not None and mask.status in ("no_subject", "skipped"):
        return ("no_subject",), mask.reason
    if len(found) < stages or any(each.status != "done" for each in found.values()):
        return ("being_made",), ""
    if mask is not None and mask.doubtful:
        return ("doubtful", "restored"), mask.reason
    return ("restored",), ""
