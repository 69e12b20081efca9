"""Compiles WikiArt SR by rules: the paintings taken, and the reason for each rejection.

The rules in order: size in the catalogue; readable; size without the borders of the scan; true
resolution; JPEG blocks; blank areas; the best of near-duplicates; split; balance.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deepart_assets.errors import SettingsError
from deepart_assets.imaging.hashing import hamming, hashes_from_hex
from deepart_assets.names import name_key
from deepart_assets.settings.super_resolution import RuledSR
from deepart_assets.wikiart.labels import artist_key
from deepart_assets.wikiart.naming import WIKIART
from deepart_assets.wikiart.sr.duplicates import near_duplicates
from deepart_assets.wikiart.sr.measuring import BOX, QUALITY
from deepart_assets.wikiart.sr.split import SPLITS, owner_of, seed_that_fills, sides

if TYPE_CHECKING:
    import pandas

CHOSEN = ["id", "path", "file", "sha256", "split", *BOX, "artist", "title", "style", *QUALITY]
"""Columns of the chosen paintings. `path` is the lake path of the original; the box is in pixels of
the upright decoded picture, right and bottom exclusive."""

REJECTED = ["id", "path", "file", "rule", "reason", "artist", "title", "style", *BOX, *QUALITY]
"""Columns of the rejected candidates."""

RULES = {
    "unreadable": "cannot be read or measured",
    "borders": "too small without the borders of the scan",
    "resolution": "enlarged or unsharp scan",
    "blocks": "compressed too hard",
    "blank": "mostly blank",
    "duplicate": "near-duplicate of a better scan",
    "not needed": "not needed: others of its style and artist come first",
}
"""Why a candidate is rejected, in the order in which the rules are applied."""

_WHERE = "super_resolution.data_set"


@dataclass(frozen=True)
class Selection:
    """The chosen paintings and the rejected candidates, each sorted by id."""

    chosen: "pandas.DataFrame"
    rejected: "pandas.DataFrame"


def large_enough(catalogue: "pandas.DataFrame", minimal_side: int) -> "pandas.DataFrame":
    """Return the candidates: "ok" paintings whose smaller side has `minimal_side` pixels, by id.

    Raises:
        SettingsError: There is none; the message has the size of the largest painting.
    """
    usable = catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")
    smaller = usable[["width", "height"]].min(axis=1)
    taken = usable[smaller >= minimal_side].reset_index(drop=True)
    if taken.empty:
        largest = f"the largest has {smaller.max()}" if len(smaller) else "there is no painting"
        raise SettingsError(
            f"{_WHERE}.minimal_side: no painting's smaller side has {minimal_side} pixels,"
            f" {largest}: lower it"
        )
    return taken


def select(measured: "pandas.DataFrame", choice: RuledSR) -> Selection:
    """Choose among measured candidates.

    Of near-duplicates the one with the highest score is kept, of equal ones the first id. The split
    depends on the artist alone (`split.sides`). Each side takes at most its number in
    `choice.split`, in turns (`in_turn`). The order of the rows does not matter.

    Args:
        measured: The table of `measuring.measure_paintings`, with phash, artist, title and style.
        choice: The thresholds, the split and its seed.

    Raises:
        SettingsError: No painting is left, or train, valid or test is empty.
    """
    table = measured.sort_values("id", kind="stable").reset_index(drop=True)
    table["path"] = f"{WIKIART.folder}/" + table["file"].astype(str)
    verdicts = [_verdict(row, choice) for row in table.to_dict("records")]
    table["rule"] = [rule for rule, _ in verdicts]
    table["reason"] = [reason for _, reason in verdicts]
    _reject_duplicates(table, choice.near_duplicate)
    left = table[table["rule"] == ""]
    if left.empty:
        raise SettingsError(_none_left(table, choice))
    table["split"] = ""
    owners = [owner_of(*pair) for pair in zip(left["artist"], left["id"], strict=True)]
    table.loc[left.index, "split"] = sides(owners, choice.split, choice.split_seed)
    missing = [name for name in SPLITS if name not in set(table["split"])]
    if missing:
        raise SettingsError(_explain_empty(missing, owners, choice))
    for split, most in zip(SPLITS, choice.split, strict=True):
        side = table[table["split"] == split]
        late = in_turn(side)[most:]
        table.loc[late, "rule"] = "not needed"
        table.loc[late, "reason"] = [
            f"not needed: {most} of the {len(side)} paintings for {split} come first in turn by"
            f" style and artist; it would be number {number}"
            for number in range(most + 1, len(side) + 1)
        ]
    is_chosen = table["rule"] == ""
    return Selection(
        chosen=table[is_chosen][CHOSEN].reset_index(drop=True),
        rejected=table[~is_chosen][REJECTED].reset_index(drop=True),
    )


def in_turn(paintings: "pandas.DataFrame") -> "pandas.Index":
    """Return the index of the paintings in the order in which they are taken.

    Styles take turns, and within a style its artists do:

    1. The paintings of an artist are ranked by score. Those without an artist count as one artist.
    2. The paintings of a style are ranked by their rank within the artist, then by score: the best
       painting of every artist, then the second of every artist, and so on.
    3. All are ordered by the rank within the style, then the rank within the artist, then score.

    Ties are ordered by id. A style or artist with many paintings exceeds its turns only when the
    others have none left.
    """
    table = paintings.assign(
        _artist=paintings["artist"].map(artist_key), _style=paintings["style"].map(name_key)
    ).sort_values(["score", "id"], ascending=[False, True], kind="stable")
    table["_of_artist"] = table.groupby("_artist").cumcount()
    table = table.sort_values("_of_artist", kind="stable")
    table["_of_style"] = table.groupby("_style").cumcount()
    return table.sort_values(["_of_style", "_of_artist"], kind="stable").index


# --- rules and words -----------------------------------------------------------------------------


def _verdict(row: dict, choice: RuledSR) -> tuple[str, str]:
    """Return the rule that rejects a painting and the reason; "" and "" if none does."""
    if row["fault"]:
        return "unreadable", row["fault"]
    width, height = row["right"] - row["left"], row["bottom"] - row["top"]
    if min(width, height) < choice.minimal_side:
        return "borders", (
            f"{width}×{height} pixels without the borders of the scan, least"
            f" {choice.minimal_side}: too small"
        )
    if row["resolution"] < choice.minimal_resolution:
        return "resolution", (
            f"true resolution {row['resolution']:.2f} of the pixels, least"
            f" {choice.minimal_resolution:g}: an enlarged or unsharp scan"
        )
    if row["blockiness"] > choice.maximal_blockiness:
        return "blocks", (
            f"steps at the borders of JPEG's blocks are {row['blockiness']:.2f} times those"
            f" elsewhere, at most {choice.maximal_blockiness:g}: compressed too hard"
        )
    if row["blank"] > choice.maximal_blank:
        return "blank", (
            f"{row['blank']:.2f} of the area shows nothing, at most {choice.maximal_blank:g}:"
            " mostly blank"
        )
    return "", ""


def _reject_duplicates(table: "pandas.DataFrame", limit: int) -> None:
    left = table[table["rule"] == ""]
    if left.empty:
        return
    groups = near_duplicates(left["phash"].tolist(), limit)
    ranked = left.assign(group=groups).sort_values(
        ["score", "id"], ascending=[False, True], kind="stable"
    )
    several = ranked[ranked.duplicated("group", keep=False)]
    for _, group in several.groupby("group"):
        best = group.iloc[0]
        for index, other in group.iloc[1:].iterrows():
            bits = int(hamming(*hashes_from_hex([best["phash"], other["phash"]])))
            table.loc[index, ["rule", "reason"]] = (
                "duplicate",
                f"near-duplicate of {best['id']} ({bits} of 64 bits differ), which scores"
                f" {best['score']:.2f} against {other['score']:.2f}",
            )


def _none_left(table: "pandas.DataFrame", choice: RuledSR) -> str:
    counts = table["rule"].value_counts()
    said = ", ".join(f"{counts[rule]} {RULES[rule]}" for rule in RULES if rule in counts)
    return (
        f"{_WHERE}: none of the {len(table)} paintings of {choice.minimal_side} pixels is left"
        f" ({said}): change minimal_side, minimal_resolution, maximal_blockiness or maximal_blank"
    )


def _explain_empty(missing: list[str], owners: list[str], choice: RuledSR) -> str:
    fault = (
        f"{_WHERE}: with split_seed {choice.split_seed} and split {list(choice.split)}"
        f" {' and '.join(missing)} would be empty ({len(owners)} paintings of"
        f" {len(set(owners))} artists)"
    )
    seed = seed_that_fills(owners, choice.split)
    if seed is not None:
        return f"{fault}: set split_seed to {seed}, say, or give larger shares in split"
    return f"{fault}: lower minimal_side or give larger shares in split"
