"""Selects the paintings to restore: those that meet every condition of the profile."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from deepart_assets.errors import SettingsError
from deepart_assets.names import name_key
from deepart_assets.settings.wikiart import StyledPaintings
from deepart_assets.wikiart.annotations import OPTIONAL
from deepart_assets.wikiart.labels import artist_key, overlaps, spellings
from deepart_assets.wikiart.naming import INBOX, WIKIART

if TYPE_CHECKING:
    import pandas

UNNAMED = "(none)"
"""Shown in place of a missing name."""

SQUARE = 1.05
"""A picture is square if its longer side is at most this many times the shorter."""

SHOWN_ARTISTS = 10
"""Most artists listed in a message; a catalogue has thousands."""

Key = Callable[[str], str]

NAMED: dict[str, tuple[str, Key]] = {
    "styles": ("style", name_key),
    "genres": ("genre", name_key),
    "artists": ("artist", artist_key),
}
"""The settings that are lists of names: the catalogue's column, and the key of a spelling."""


def filter_styles(catalogue: "pandas.DataFrame", choice: StyledPaintings) -> "pandas.DataFrame":
    """Return the "ok" rows that meet every condition, sorted by id, at most `choice.limit`.

    An empty condition is met by all. Every name in the settings must occur in the catalogue, even
    if other names of the list match: an unknown name is probably misspelt.

    Raises:
        SettingsError: A name does not occur; the message has similar names and the counts of all
            (of artists: the most frequent). Or no painting meets every condition; the message says
            how many meet each.
    """
    usable = _usable(catalogue)
    unknown = [_explain(usable, setting, names) for setting, names in _unknown(usable, choice)]
    if unknown:
        raise SettingsError("\n".join(unknown))
    met = _conditions(usable, choice)
    kept = usable[_all(usable, met)]
    if met and kept.empty:
        left = ", ".join(f"{name} {int(mask.sum())}" for name, mask in met.items())
        raise SettingsError(
            f"styled_paintings: no painting meets every condition. Of {len(usable)} paintings each"
            f" condition alone leaves: {left}. Widen the narrowest"
        )
    return kept.iloc[: choice.limit].reset_index(drop=True)


def condition_counts(
    catalogue: "pandas.DataFrame", choice: StyledPaintings
) -> list[dict[str, str | int]]:
    """Return a row for each condition: its name, and how many paintings it keeps and drops.

    "kept" and "dropped" count all "ok" paintings, regardless of other conditions; "dropped_alone"
    counts those that only this condition drops. The first row, "readable", counts the whole
    catalogue; the last, "limit" (if set), counts the paintings that meet every condition.
    """
    usable = _usable(catalogue)
    met = _conditions(usable, choice)

    def row(name: str, of: int, kept: int, alone: int) -> dict[str, str | int]:
        return {"name": name, "kept": kept, "dropped": of - kept, "dropped_alone": alone}

    unreadable = len(catalogue) - len(usable)
    rows = [row("readable", len(catalogue), len(usable), unreadable)]
    for name, mask in met.items():
        others = _all(usable, {key: value for key, value in met.items() if key != name})
        rows.append(row(name, len(usable), int(mask.sum()), int((others & ~mask).sum())))
    if choice.limit is not None:
        total = int(_all(usable, met).sum())
        kept = min(total, choice.limit)
        rows.append(row("limit", total, kept, total - kept))
    return rows


def with_labels(
    catalogue: "pandas.DataFrame", labels: "pandas.DataFrame | None"
) -> "pandas.DataFrame":
    """Return the catalogue with its missing styles filled and the column `style_labelled` (bool).

    Args:
        catalogue: Any catalogue.
        labels: Columns id and style; ignored for paintings that have a style.
    """
    filled = catalogue.assign(style_labelled=False)
    if labels is not None and len(labels):
        given = catalogue["id"].map(dict(zip(labels["id"], labels["style"], strict=True)))
        fills = given.notna() & (_keys(catalogue, "style", name_key) == "")
        fills &= catalogue["status"] == "ok"
        filled["style"] = catalogue["style"].where(~fills, given)
        filled["style_labelled"] = fills
    return filled


def with_inbox(
    kept: "pandas.DataFrame", inbox: "pandas.DataFrame"
) -> tuple["pandas.DataFrame", list[dict[str, str]]]:
    """Return the paintings to restore, those of the inbox last, and the rows that were dropped.

    Of two files with the same bytes, WikiArt's is kept, as it has annotations. Of two with the same
    id (compared without case), the inbox's is kept, as somebody put it there; its bytes are then
    WikiArt's no longer, so that another file of the inbox with them is kept, too. The column `path`
    is the lake path of the original.

    Args:
        kept: The paintings of WikiArt, from `filter_styles`.
        inbox: The catalogue of the inbox.

    Returns:
        The table, and the file and reason of each dropped row.
    """
    import pandas as pd

    ours = kept.assign(path=f"{WIKIART.folder}/" + kept["file"].astype(str))
    theirs = _usable(inbox)
    path = f"{INBOX.folder}/" + theirs["file"].astype(str)
    theirs = theirs.assign(path=path, style_labelled=False)
    is_double, is_replaced = _giving_way(ours, theirs)
    ids = dict(zip(ours["sha256"], ours["id"], strict=True))
    refused = [
        {"file": path, "reason": f"is byte for byte the same file as WikiArt's {ids[sha256]}"}
        for path, sha256 in theirs.loc[is_double, ["path", "sha256"]].itertuples(index=False)
    ]
    theirs = theirs[~is_double]
    refused += [
        {"file": path, "reason": "the inbox has a painting of this id"}
        for path in ours.loc[is_replaced, "path"]
    ]
    listed = pd.concat([ours[~is_replaced], theirs], ignore_index=True)
    for name in filter(listed.columns.__contains__, OPTIONAL):  # which only one of them may have
        listed[name] = listed[name].fillna("")
    return listed, refused


def _giving_way(
    ours: "pandas.DataFrame", theirs: "pandas.DataFrame"
) -> tuple["pandas.Series", "pandas.Series"]:
    """Return which rows of the inbox give way to one with the same bytes that WikiArt keeps, and
    which of WikiArt to one with the same id that the inbox keeps.

    Each follows from the other: they are found by turns until no more of WikiArt are replaced.
    """
    import pandas as pd

    is_replaced = pd.Series(False, index=ours.index)
    while True:
        is_double = theirs["sha256"].isin(ours.loc[~is_replaced, "sha256"].tolist())
        ids = theirs.loc[~is_double, "id"].str.casefold().tolist()
        found = ours["id"].str.casefold().isin(ids)
        if found.equals(is_replaced):
            return is_double, is_replaced
        is_replaced = found


def style_counts(catalogue: "pandas.DataFrame", kept: "pandas.DataFrame") -> "pandas.DataFrame":
    """Count paintings by style: columns style, kept, labelled, dropped; most frequent first.

    "kept" counts paintings kept with their own style, "labelled" those kept with a zero-shot style,
    "dropped" all other rows of the catalogue, including quarantined ones. Spellings of a name are
    counted together under the most frequent one.
    """
    import pandas as pd

    total = _keys(catalogue, "style", name_key).value_counts()
    kept_keys = _keys(kept, "style", name_key)
    given = kept_keys[~kept["style_labelled"]].value_counts()
    labelled = kept_keys[kept["style_labelled"]].value_counts()
    names = {"": UNNAMED, **spellings(catalogue["style"])}
    rows = []
    for key in sorted(total.index, key=lambda key: (-total[key], key)):
        parts = int(given.get(key, 0)), int(labelled.get(key, 0))
        rows.append((names[key], *parts, int(total[key]) - sum(parts)))
    return pd.DataFrame(rows, columns=["style", "kept", "labelled", "dropped"])


def _usable(catalogue: "pandas.DataFrame") -> "pandas.DataFrame":
    return catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")


def _keys(table: "pandas.DataFrame", column: str, key: Key) -> "pandas.Series":
    """Return the key of each row's name; each spelling is parsed once."""
    return table[column].map({name: key(name) for name in table[column].unique()})


def _all(table: "pandas.DataFrame", met: dict[str, "pandas.Series"]) -> "pandas.Series":
    import pandas as pd

    together = pd.Series(True, index=table.index)
    for mask in met.values():
        together &= mask
    return together


def _conditions(usable: "pandas.DataFrame", choice: StyledPaintings) -> dict[str, "pandas.Series"]:
    """Return for each condition that is set which rows meet it."""
    import numpy as np

    met: dict[str, pandas.Series] = {}
    for setting, (column, key) in NAMED.items():
        if names := getattr(choice, setting):
            met[setting] = _keys(usable, column, key).isin([key(name) for name in names])
    if choice.years != (None, None):
        dates = {text: overlaps(text, *choice.years) for text in usable["date"].unique()}
        met["years"] = usable["date"].map(dates).astype(bool)
    if choice.minimal_side > 1:
        met["minimal_side"] = usable[["width", "height"]].min(axis=1) >= choice.minimal_side
    if choice.orientations:
        ratio = usable["width"] / usable["height"].clip(lower=1)
        square = ratio.between(1 / SQUARE, SQUARE)
        names = np.where(square, "square", np.where(ratio > 1, "landscape", "portrait"))
        met["orientations"] = square.copy()
        met["orientations"][:] = np.isin(names, choice.orientations)
    return met


def _unknown(usable: "pandas.DataFrame", choice: StyledPaintings) -> list[tuple[str, list[str]]]:
    """Return the settings with names that no painting has, and those names."""
    found = []
    for setting, (column, key) in NAMED.items():
        known = set(_keys(usable, column, key)) - {""}
        names = [name for name in getattr(choice, setting) if key(name) not in known]
        if names:
            found.append((setting, names))
    return found


def _explain(usable: "pandas.DataFrame", setting: str, unknown: list[str]) -> str:
    column, key = NAMED[setting]
    names = spellings(usable[column], key)
    parts = []
    for name in unknown:
        close = [repr(names[found]) for found in _nearest(key(name), list(names))]
        hint = ", did you mean " + " or ".join(close) if close else ""
        parts.append(f"no painting has the {column} {name!r}{hint}")
    counts = _keys(usable, column, key).value_counts()
    order = sorted(counts.index, key=lambda found: (-counts[found], found))
    what = f"{setting.capitalize()} there are"
    if setting == "artists" and len(names) > SHOWN_ARTISTS:
        order = [found for found in order if found][:SHOWN_ARTISTS]
        what = f"The most frequent of {len(names)} artists are"
    listed = ", ".join(f"{names.get(found, UNNAMED)} ({counts[found]})" for found in order)
    return f"styled_paintings.{setting}: {'; '.join(parts)}. {what}: {listed or UNNAMED}"


def _nearest(wanted: str, known: list[str]) -> list[str]:
    """Return at most three keys: those with all words of `wanted`, then similar spellings."""
    words = set(wanted.split())
    within = [key for key in known if words and words.issubset(key.split())]
    alike = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    return list(dict.fromkeys([*within, *alike]))[:3]
