"""Assigns paintings to train, valid or test, by artist and permanently."""

import hashlib
import json
from collections.abc import Sequence
from itertools import accumulate

from deepart_assets.wikiart.labels import artist_key

SPLITS = ("train", "valid", "test")
_SEEDS_TRIED = 1000


def place(owner: str, seed: int) -> float:
    """Return a number in [0, 1) that looks random and is the same on every machine: the first 53
    bits of SHA-256 of the seed and the owner, which is a painting's artist or, without one, its id.
    """
    digest = hashlib.sha256(json.dumps([seed, owner]).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def owner_of(artist: str, painting: str) -> str:
    """Return whose `place` a painting takes: its artist's, in any spelling, or else its own."""
    key = artist_key(artist)
    return f"artist {key}" if key else f"painting {painting}"


def sides(owners: Sequence[str], shares: tuple[int, int, int], seed: int) -> list[str]:
    """Return "train", "valid" or "test" for each owner.

    An owner's side depends on its name, the shares and the seed alone: whatever is added or
    removed moves no other painting. The shares hold in expectation, over owners.

    Args:
        owners: As `owner_of` gives them.
        shares: In proportion to one another.
        seed: Another seed, another division.
    """
    total = sum(shares)
    first, second, _ = (share / total for share in accumulate(shares))
    places = (place(owner, seed) for owner in owners)
    return [
        SPLITS[0] if where < first else SPLITS[1] if where < second else SPLITS[2]
        for where in places
    ]


def seed_that_fills(owners: Sequence[str], shares: tuple[int, int, int]) -> int | None:
    """Return the first seed with which no side is empty, or None if a thousand leave one so."""
    distinct = sorted(set(owners))
    seeds = range(_SEEDS_TRIED)
    full = (seed for seed in seeds if len(set(sides(distinct, shares, seed))) == len(SPLITS))
    return next(full, None)
