"""Assigns paintings to train, valid or test, by artist and permanently."""

import hashlib
import json
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from deepart_assets.wikiart.labels import artist_key

SPLITS = ("train", "valid", "test")
_SEEDS_TRIED = 1000


def place(owner: str, seed: int) -> float:
    """Return a pseudo-random number in [0, 1) that is the same on every machine.

    It has the first 53 bits of the SHA-256 of the seed and the owner (see `owner_of`).
    """
    digest = hashlib.sha256(json.dumps([seed, owner]).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def owner_of(artist: str, painting: str) -> str:
    """Return the owner of a painting: its artist in any spelling, or the painting itself."""
    key = artist_key(artist)
    return f"artist {key}" if key else f"painting {painting}"


def sides(owners: Sequence[str], shares: tuple[int, int, int], seed: int) -> list[str]:
    """Return "train", "valid" or "test" for each owner.

    The side of an owner depends only on its name, the shares and the seed: adding or removing
    paintings does not move others. The shares are met in expectation, over owners.

    Args:
        owners: From `owner_of`.
        shares: Relative sizes of train, valid and test.
        seed: Seed of the split.
    """
    total = sum(shares)
    *bounds, _ = (share / total for share in accumulate(shares))
    return [SPLITS[bisect(bounds, place(owner, seed))] for owner in owners]


def seed_that_fills(owners: Sequence[str], shares: tuple[int, int, int]) -> int | None:
    """Return the first seed with which no side is empty, or None if none of 1000 works."""
    distinct = sorted(set(owners))
    seeds = range(_SEEDS_TRIED)
    full = (seed for seed in seeds if len(set(sides(distinct, shares, seed))) == len(SPLITS))
    return next(full, None)
