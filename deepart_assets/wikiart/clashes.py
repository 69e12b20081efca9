"""Decides which of two files with the same bytes or the same id is kept."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepart_assets.wikiart.naming import folder_id, shown

if TYPE_CHECKING:
    import pandas


def refuse_clashes(
    table: "pandas.DataFrame", paths: Sequence[str], previous: "pandas.DataFrame | None"
) -> int:
    """Set `reason` of the rows that are dropped in favour of another row.

    Ids are compared without case. Of rows that clash, the one that was "ok" in `previous` with this
    file name and these bytes is kept, preferably of the same source; else the first one. A dropped
    row does not clash with others.

    Args:
        table: Columns id, file, sha256, source and reason, numbered from 0, in the order of
            sources and paths; rows with a reason are ignored.
        paths: The path of each row, for messages.
        previous: The catalogue of the last build.

    Returns:
        The number of rows with the same bytes as one that is kept.
    """
    usable = table["reason"] == ""
    folded = table["id"].str.casefold()
    clashing = usable & (
        table["sha256"].where(usable).duplicated(keep=False)
        | folded.where(usable).duplicated(keep=False)
    )
    if not clashing.any():
        return 0
    before = _was_ok(previous)
    rows = []
    shown_columns = table.loc[clashing, ["source", "file", "sha256"]]
    for number, source, file, sha256 in shown_columns.itertuples(name=None):
        was_ok = ((source, file, sha256) in before, ("", file, sha256) in before)
        rows.append((not was_ok[0], not was_ok[1], number, source, folded[number], sha256))
    by_id: dict[str, tuple[int, str]] = {}
    by_bytes: dict[str, tuple[int, str]] = {}
    doubles = 0
    reasons = {}
    for _, _, number, source, key, sha256 in sorted(rows):
        double = by_bytes.get(sha256)
        winner = double or by_id.get(key)
        if winner is None:
            by_id[key] = by_bytes[sha256] = number, source
            continue
        named = shown(paths[winner[0]]) + (f" of {winner[1]}" if winner[1] != source else "")
        doubles += double is not None
        fault = (
            f"would have the same id as {named}: rename or remove one"
            if double is None
            else f"has the same bytes as {named}: remove one"
        )
        reasons[number] = f"{shown(paths[number])} {fault}"
    table.loc[list(reasons), "reason"] = list(reasons.values())
    return doubles


def ids_by_folder(
    table: "pandas.DataFrame", paths: Sequence[str], previous: "pandas.DataFrame | None"
) -> list[str]:
    """Return the id of each row: where several of a source would have one, that by their folders.

    `obj1/default.jpg` and `obj2/default.jpg` become obj1_default and obj2_default. A picture that
    was "ok" in `previous` under either of its ids keeps that one, so that ids do not change when
    others come or go.

    Args:
        table: Columns id, sha256 and source, numbered from 0.
        paths: The path of each row.
        previous: The catalogue of the last build.
    """
    known: set[tuple[str, str]] = set()
    if previous is not None and {"id", "sha256", "status"} <= set(previous.columns):
        kept = previous.loc[previous["status"] == "ok", ["id", "sha256"]]
        known = set(kept.itertuples(index=False, name=None))
    rows = list(zip(table["source"], table["id"], table["sha256"], strict=True))
    # The same bytes twice are no two paintings.
    shared = Counter((source, own.casefold()) for source, own, _ in dict.fromkeys(rows))
    ids = []
    for number, (source, own, sha256) in enumerate(rows):
        other = folder_id(paths[number])
        moves = (other, sha256) in known or shared[source, own.casefold()] > 1
        ids.append(other if other and moves and (own, sha256) not in known else own)
    return ids


def _was_ok(previous: "pandas.DataFrame | None") -> set[tuple[str, str, str]]:
    """Return (source, file, sha256) of the rows that were "ok", and the same with source ""."""
    if previous is None or not {"source", "file", "sha256", "status"} <= set(previous.columns):
        return set()
    kept = previous.loc[previous["status"] == "ok", ["source", "file", "sha256"]]
    found = set(kept.itertuples(index=False, name=None))
    return found | {("", file, sha256) for _, file, sha256 in found}
