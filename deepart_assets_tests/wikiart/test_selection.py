import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.errors import SettingsError
from deepart_assets.wikiart.selection import place, select_sr


def table(artists: list[str], width: int = 100, height: int = 80) -> pd.DataFrame:
    count = len(artists)
    return pd.DataFrame(
        {
            "id": [f"p{n:04d}" for n in range(count)],
            "file": [f"p{n:04d}.jpg" for n in range(count)],
            "sha256": "0",
            "width": width,
            "height": height,
            "artist": artists,
            "status": "ok",
        }
    )


def choice(seed: int = 0, split=(0.7, 0.15, 0.15), side: int = 64) -> WikiArtSR:
    return WikiArtSR(minimal_side=side, split=split, split_seed=seed)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 199))
def test_another_painting_moves_none(seed, removed):
    paintings = table([f"artist {n % 70}" if n % 5 else "" for n in range(200)])
    whole = select_sr(paintings, choice(seed)).set_index("id")["split"]
    fewer = select_sr(paintings.drop(index=removed), choice(seed)).set_index("id")["split"]
    assert (whole[fewer.index] == fewer).all()


def test_an_artist_is_on_one_side_whatever_the_spelling():
    names = [
        f"{name}{n}" for n in range(60) for name in ("Édouard ", " édouard ", "E\u0301DOUARD ")
    ]
    chosen = select_sr(table(names), choice())
    sides = chosen.groupby(np.arange(180) // 3)["split"].nunique()
    assert (sides == 1).all()


def test_without_artist_paintings_are_split_one_by_one():
    chosen = select_sr(table([""] * 200), choice())
    assert set(chosen["split"]) == {"train", "valid", "test"}


def test_shares_hold_over_many_artists():
    chosen = select_sr(table([f"a{n}" for n in range(4000)]), choice(7, (0.6, 0.3, 0.1)))
    shares = chosen["split"].value_counts(normalize=True)
    # four standard deviations of a binomial share at 4000
    for name, share in {"train": 0.6, "valid": 0.3, "test": 0.1}.items():
        assert abs(shares[name] - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_places_are_uniform_and_differ_by_seed():
    from scipy.stats import kstest

    places = [place(f"a{n}", 1) for n in range(2000)]
    assert kstest(places, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(places, [place(f"a{n}", 2) for n in range(2000)])[0, 1]) < 0.1
    # SHA-256 of '[1, "a0"]' starts with 12 hexadecimal digits that must not change
    import hashlib

    start = int(hashlib.sha256(b'[1, "a0"]').hexdigest()[:16], 16)
    assert places[0] == pytest.approx(start / 2**64, abs=2**-52)


def test_only_large_and_whole_paintings():
    paintings = table([f"a{n}" for n in range(30)])
    paintings.loc[3, ["width", "height"]] = [63, 4000]
    paintings.loc[4, ["width", "height"]] = [4000, 64]
    paintings.loc[5, "status"] = "quarantined"
    chosen = select_sr(paintings, choice())
    assert list(chosen.columns) == ["id", "file", "sha256", "artist", "split"]
    assert set(paintings["id"]) - set(chosen["id"]) == {"p0003", "p0005"}


def test_an_empty_side_is_refused_with_a_seed_that_works():
    paintings = table(["a", "b", "c", "d", "d"])
    bad = next(seed for seed in range(100) if len({_side(name, seed) for name in "abcd"}) < 3)
    with pytest.raises(SettingsError, match="would be empty") as caught:
        select_sr(paintings, choice(bad))
    proposed = int(re.search(r"set split_seed to (\d+)", str(caught.value))[1])
    assert set(select_sr(paintings, choice(proposed))["split"]) == {"train", "valid", "test"}


def _side(artist: str, seed: int) -> int:
    return int(np.searchsorted([0.7, 0.85], place(f"artist {artist}", seed), side="right"))


def test_too_few_artists():
    with pytest.raises(SettingsError, match="lower minimal_side"):
        select_sr(table(["a", "a", "b"]), choice())


def test_none_large_enough():
    with pytest.raises(SettingsError, match=r"minimal_side.*has 80"):
        select_sr(table(["a"] * 3), choice(side=2048))


@pytest.mark.parametrize("split", [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_shares_that_do_not_add_up(split):
    with pytest.raises(SettingsError, match="split"):
        select_sr(table(["a"] * 3), choice(split=split))
