"""Which paintings the super-resolution network learns from, and on which side of the split.

Belongs here: the choice by size and the split by artist. Does not belong here: making pairs
(`super_resolution`).
"""

import hashlib
import json
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING

from deepart_assets.errors import SettingsError

if TYPE_CHECKING:
    import pandas

SPLITS = ("train", "valid", "test")
COLUMNS = ["id", "file", "sha256", "artist", "split"]
_WHERE = "super_resolution.data_set"
_SEEDS_TRIED = 1000


def select_sr(catalogue: "pandas.DataFrame", choice: WikiArtSR) -> "pandas.DataFrame":
    """Return the paintings for super-resolution: columns id, file, sha256, artist, split.

    A painting is taken if it is "ok" and its smaller side has `choice.minimal_side` pixels. Its
    split depends on the seed and its artist alone (`place`), so another painting never moves it
    and an artist's paintings are never on two sides. The shares hold in expectation, over artists.

    Raises:
        SettingsError: The shares do not add up to 1, no painting is large enough, or train, valid
            or test is empty; names the remedy.
    """
    if min(choice.split) < 0 or abs(sum(choice.split) - 1) > 1e-6:
        raise SettingsError(
            f"{_WHERE}.split is {list(choice.split)}: give three shares from 0 to 1 that add up"
            " to 1"
        )
    usable = catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")
    sides = usable[["width", "height"]].min(axis=1)
    taken = usable[sides >= choice.minimal_side].reset_index(drop=True)
    if taken.empty:
        largest = f"the largest has {sides.max()}" if len(sides) else "there is no usable painting"
        raise SettingsError(
            f"{_WHERE}.minimal_side: no painting's smaller side has {choice.minimal_side} pixels,"
            f" {largest}: lower it"
        )
    owners = [_owner(*pair) for pair in zip(taken["artist"], taken["id"], strict=True)]
    taken["split"] = _split(owners, choice.split, choice.split_seed)
    missing = [name for name in SPLITS if name not in set(taken["split"])]
    if missing:
        raise SettingsError(_explain(missing, owners, choice))
    return taken[COLUMNS]


def place(owner: str, seed: int) -> float:
    """Return a number in [0, 1) that looks random and is the same on every machine: the first 53
    bits of SHA-256 of the seed and the owner, which is a painting's artist or, without one, its id.
    """
    digest = hashlib.sha256(json.dumps([seed, owner]).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _owner(artist: str, painting: str) -> str:
    name = unicodedata.normalize("NFC", artist).strip().casefold()
    return f"artist {name}" if name else f"painting {painting}"


def _split(owners: list[str], shares: tuple[float, float, float], seed: int) -> list[str]:
    first, second, _ = accumulate(shares)
    places = (place(owner, seed) for owner in owners)
    return [
        SPLITS[0] if where < first else SPLITS[1] if where < second else SPLITS[2]
        for where in places
    ]


def _explain(missing: list[str], owners: list[str], choice: WikiArtSR) -> str:
    fault = (
        f"{_WHERE}: with split_seed {choice.split_seed} and split {list(choice.split)}"
        f" {' and '.join(missing)} would be empty ({len(owners)} paintings of"
        f" {len(set(owners))} artists)"
    )
    for seed in range(_SEEDS_TRIED):
        if len(set(_split(owners, choice.split, seed))) == len(SPLITS):
            return f"{fault}: set split_seed to {seed}, say, or give larger shares in split"
    return f"{fault}: lower minimal_side or give larger shares in split"
