"""The split is by artist, the same everywhere and for ever."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from deepart_assets.wikiart.sr.split import SPLITS, owner_of, place, seed_that_fills, sides


def test_places_are_uniform_and_differ_by_seed():
    places = [place(f"a{n}", 1) for n in range(2000)]
    assert kstest(places, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(places, [place(f"a{n}", 2) for n in range(2000)])[0, 1]) < 0.1
    # SHA-256 of '[1, "a0"]' starts with 12 hexadecimal digits that must not change
    start = int(hashlib.sha256(b'[1, "a0"]').hexdigest()[:16], 16)
    assert places[0] == pytest.approx(start / 2**64, abs=2**-52)


@given(st.lists(st.text(max_size=5), unique=True), st.integers(0, 2**32), st.data())
def test_a_side_depends_on_the_owner_alone(owners, seed, data):
    shares = (300, 25, 25)
    whole = dict(zip(owners, sides(owners, shares, seed), strict=True))
    some = data.draw(st.lists(st.sampled_from(owners))) if owners else []
    assert sides(some, shares, seed) == [whole[owner] for owner in some]


def test_shares_hold_over_many_owners():
    found = Counter(sides([f"a{n}" for n in range(4000)], (6, 3, 1), 7))
    # four standard deviations of a binomial share at 4000
    for name, share in zip(SPLITS, (0.6, 0.3, 0.1), strict=True):
        assert abs(found[name] / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_spellings_of_an_artist_are_one_owner():
    spellings = ("Édouard Manet", " manet, edouard", "E\u0301DOUARD MANET", "Edouard  Manet")
    assert len({owner_of(name, str(n)) for n, name in enumerate(spellings)}) == 1


def test_without_an_artist_each_painting_is_its_own():
    assert (
        len({owner_of(name, f"p{n}") for n, name in enumerate(("", "Unknown", "anonymous"))}) == 3
    )
    assert owner_of("", "rubens") != owner_of("Rubens", "1")


def test_a_seed_that_fills_all_sides_is_found():
    owners = ["a", "b", "c", "c"]
    seed = seed_that_fills(owners, (300, 25, 25))
    assert seed is not None and set(sides(owners, (300, 25, 25), seed)) == set(SPLITS)
    assert seed_that_fills(["a", "b", "b"], (1, 1, 1)) is None
