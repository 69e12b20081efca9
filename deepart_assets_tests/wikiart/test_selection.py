"""The rules of WikiArt SR on generated tables: stable, disjoint, balanced, and well explained."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deepart_assets.errors import SettingsError
from deepart_assets.imaging import (
    decode_rgb,
    hamming,
    hash_to_hex,
    hashes_from_hex,
    perceptual_hash,
)
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import RuledSR
from deepart_assets.wikiart.labels import artist_key
from deepart_assets.wikiart.sr.measuring import measure_paintings
from deepart_assets.wikiart.sr.selection import CHOSEN, REJECTED, in_turn, large_enough, select
from deepart_assets.wikiart.sr.split import SPLITS, owner_of, sides

GOOD = {"resolution": 0.9, "sharpness": 0.5, "blockiness": 1.1, "blank": 0.1, "score": 0.5}


def measured(artists, styles=None, **columns) -> pd.DataFrame:
    """Good candidates of 3000×2500 pixels; each a picture of its own."""
    count = len(artists)
    ids = [f"p{n:04d}" for n in range(count)]
    random = np.random.default_rng(5)
    rows = {
        "id": ids,
        "file": [f"{name}.jpg" for name in ids],
        "sha256": [f"hash of {name}" for name in ids],
        "phash": [hash_to_hex(int(v)) for v in random.integers(0, 2**63, count)],
        "width": 3000,
        "height": 2500,
        "artist": list(artists),
        "title": "A painting",
        "style": [""] * count if styles is None else list(styles),
        "status": "ok",
        "fault": "",
        "left": 0,
        "top": 0,
        "right": 3000,
        "bottom": 2500,
        **GOOD,
        **columns,
    }
    return pd.DataFrame(rows)


def choice(split=(300, 25, 25), seed=0, **more) -> RuledSR:
    return RuledSR(split=split, split_seed=seed, **more)


@st.composite
def tables(draw) -> pd.DataFrame:
    """Candidates of some artists and styles, with faults, and with near-duplicates."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(20, 60))
    names = ["", "Unknown", *(f"artist {n}" for n in range(12))]
    table = measured(
        random.choice(names, count),
        random.choice(["", "Realism", "realism ", "Cubism"], count),
        score=random.integers(0, 20, count) / 20,
        resolution=random.choice([0.4, 0.6, 0.8, 1.0], count),
        blank=random.choice([0, 0.2, 0.4, 0.6], count),
    )
    # Some hashes are a few bits from another's.
    for _ in range(draw(st.integers(0, 10))):
        at, of, flips = *random.integers(0, count, 2), random.integers(0, 9)
        bits = sum(1 << int(bit) for bit in set(random.integers(0, 64, flips)))
        table.loc[at, "phash"] = hash_to_hex(int(table.loc[of, "phash"], 16) ^ bits)
    return table


def selected(table, settings):
    """The selection, unless a side is empty."""
    try:
        return select(table, settings)
    except SettingsError as error:
        assume("would be empty" not in str(error) and "none of the" not in str(error))
        raise


SETTINGS = choice((8, 3, 3), 1)


@settings(max_examples=12, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_what_holds_of_every_selection(table, shuffle):
    found = selected(table, SETTINGS)
    chosen, rejected = found.chosen, found.rejected
    # Every candidate is in one of the two.
    assert sorted([*chosen["id"], *rejected["id"]]) == sorted(table["id"])
    assert list(chosen.columns) == CHOSEN and list(rejected.columns) == REJECTED
    assert (rejected["reason"] != "").all()
    # No side has more than its number.
    counts = chosen["split"].value_counts()
    assert all(0 < counts[name] <= most for name, most in zip(SPLITS, (8, 3, 3), strict=True))
    # No artist stands on two sides.
    keys = chosen["artist"].map(artist_key)
    assert (chosen[keys != ""].groupby(keys)["split"].nunique() == 1).all()
    # No two are near-duplicates.
    hashes = hashes_from_hex(table.set_index("id").loc[chosen["id"], "phash"].tolist())
    near = hamming(hashes[:, None], hashes) <= SETTINGS.near_duplicate
    assert near.sum() == len(chosen)
    # The thresholds hold.
    assert (chosen["resolution"] >= 0.6).all() and (chosen["blank"] <= 0.5).all()
    # The order of the rows does not matter.
    order = list(table.index)
    shuffle.shuffle(order)
    again = select(table.loc[order], SETTINGS)
    pd.testing.assert_frame_equal(again.chosen, chosen)
    pd.testing.assert_frame_equal(again.rejected, rejected)


@settings(max_examples=12, deadline=None)
@given(tables(), st.data())
def test_adding_or_removing_paintings_moves_none_to_another_side(table, data):
    kept = set(table.index) - data.draw(st.sets(st.sampled_from(list(table.index)), max_size=9))
    whole = selected(table, SETTINGS).chosen.set_index("id")["split"]
    fewer = selected(table.loc[sorted(kept)], SETTINGS).chosen.set_index("id")["split"]
    both = whole.index.intersection(fewer.index)
    assert (whole[both] == fewer[both]).all()
    # Nor do those that are only in one, since the side follows from the artist.
    for side in (whole, fewer):
        rows = table.set_index("id").loc[side.index]
        owners = [owner_of(*pair) for pair in zip(rows["artist"], rows.index, strict=True)]
        assert sides(owners, SETTINGS.split, SETTINGS.split_seed) == side.tolist()


# --- balance -------------------------------------------------------------------------------------


def taken(table, count):
    return table.loc[in_turn(table)[:count]]


def test_a_frequent_artist_does_not_dominate():
    artists = ["Prolific"] * 500 + [f"artist {n}" for n in range(20)]
    # The frequent one's are the best, too.
    table = measured(artists, ["Realism"] * 520, score=[0.9] * 500 + [0.2] * 20)
    first = taken(table, 42)["artist"].value_counts()
    assert first["Prolific"] == 22 and (first.drop("Prolific") == 1).all()


def test_styles_take_turns_and_the_best_come_first():
    styles = ["Realism"] * 60 + ["Cubism"] * 12 + ["cubism "] * 3 + ["Fauvism"] * 4
    scores = np.random.default_rng(0).random(79)
    table = measured([f"artist {n}" for n in range(79)], styles, score=scores)
    found = taken(table, 40)
    kinds = found["style"].str.strip().str.casefold()
    assert kinds.value_counts().to_dict() == {"realism": 21, "cubism": 15, "fauvism": 4}
    realism = table[table["style"] == "Realism"].sort_values("score", ascending=False)
    assert set(found[found["style"] == "Realism"]["id"]) == set(realism["id"][:21])


def test_an_artist_of_several_styles_waits_in_each():
    artists = ["Both", "Both", "Other", "Both", "Another"]
    styles = ["Realism", "Realism", "Realism", "Cubism", "Cubism"]
    table = measured(artists, styles, score=[0.9, 0.8, 0.1, 0.7, 0.1])
    assert taken(table, 5)["id"].tolist() == ["p0000", "p0004", "p0002", "p0003", "p0001"]


def test_paintings_without_an_artist_count_as_one_artists():
    table = measured(["", "Unknown", "anonymous", "a", "b"], score=[0.9, 0.9, 0.9, 0.1, 0.1])
    assert set(taken(table, 3)["artist"]) == {"", "a", "b"}


# --- reasons -------------------------------------------------------------------------------------

MANY = [f"artist {n}" for n in range(60)]


@pytest.mark.parametrize(
    ("fault", "rule", "words"),
    [
        ({"fault": "p7.jpg is damaged"}, "unreadable", r"^p7\.jpg is damaged$"),
        ({"right": 2040}, "borders", r"2040×2500 pixels without .*, least 2048: too small"),
        (
            {"resolution": 0.383},
            "resolution",
            r"true resolution 0\.38 of the pixels, least 0\.6: an enlarged or unsharp scan",
        ),
        ({"blockiness": 1.84}, "blocks", r"are 1\.84 times those elsewhere, at most 1\.5: comp"),
        ({"blank": 0.64}, "blank", r"0\.64 of the area shows nothing, at most 0\.5: mostly blank"),
        ({"phash": "as p0003"}, "duplicate", r"near-duplicate of p0003 \(0 of 64 bits differ\)"),
    ],
)
def test_a_reason_has_the_number_in_words(fault, rule, words):
    table = measured(MANY)
    table.loc[3, "score"] = 0.9
    if "phash" in fault:
        fault = {"phash": table.loc[3, "phash"]}
    table.loc[7, list(fault)] = list(fault.values())
    rejected = select(table, choice()).rejected
    assert rejected["id"].tolist() == ["p0007"] and rejected["rule"].tolist() == [rule]
    assert re.search(words, rejected["reason"][0])


def test_of_near_duplicates_the_best_stays_and_of_equals_the_first():
    table = measured(MANY)
    table.loc[[5, 6, 7], "phash"] = "00000000000000ff"
    table.loc[[6], "phash"] = "00000000000000f0"
    table.loc[[6], "score"] = 0.6
    table.loc[[20, 21], "phash"] = "ff00ff00ff00ff00"
    # A better one that is rejected itself takes none with it.
    table.loc[30, ["phash", "score", "resolution"]] = [table.loc[31, "phash"], 0.99, 0.4]
    rejected = select(table, choice()).rejected.set_index("id")["reason"]
    assert set(rejected.index) == {"p0005", "p0007", "p0021", "p0030"}
    assert rejected["p0005"] == (
        "near-duplicate of p0006 (4 of 64 bits differ), which scores 0.60 against 0.50"
    )
    assert "near-duplicate of p0020 (0 of" in rejected["p0021"]


def test_those_that_are_not_needed_say_how_far_back_they_stand():
    found = select(measured(MANY), choice((10, 5, 5), 3))
    late = found.rejected[found.rejected["rule"] == "not needed"]
    assert len(late) == 60 - len(found.chosen) > 0
    for split, most in zip(SPLITS, (10, 5, 5), strict=True):
        numbers = [
            int(
                re.search(rf"{most} of the (\d+) paintings for {split} .* number (\d+)$", reason)[2]
            )
            for reason in late["reason"]
            if f"for {split} " in reason
        ]
        assert sorted(numbers) == list(range(most + 1, most + 1 + len(numbers)))


# --- sizes and messages --------------------------------------------------------------------------


def test_only_large_and_whole_paintings_are_candidates():
    paintings = measured([f"a{n}" for n in range(30)], width=2048, height=2100)
    paintings.loc[3, ["width", "height"]] = [2047, 4000]
    paintings.loc[4, ["width", "height"]] = [4000, 2048]
    paintings.loc[5, "status"] = "quarantined"
    found = large_enough(paintings.iloc[::-1], 2048)
    assert found["id"].tolist() == [f"p{n:04d}" for n in range(30) if n not in (3, 5)]


def test_none_large_enough():
    with pytest.raises(SettingsError, match=r"minimal_side.*has 3001 pixels, the largest has 2500"):
        large_enough(measured(["a"]), 3001)
    with pytest.raises(SettingsError, match="there is no painting"):
        large_enough(measured(["a"], status="quarantined"), 3000)


def test_none_left_says_why():
    table = measured(["a", "b", "c"], resolution=[0.3, 0.4, 0.9], blank=[0, 0, 0.8])
    with pytest.raises(SettingsError, match=r"none of the 3 .*\(2 enlarged.*1 mostly blank\)"):
        select(table, choice())


def test_an_empty_side_is_refused_with_a_seed_that_works():
    table = measured(["a", "b", "c", "d", "d"])
    owners = [f"artist {name}" for name in "abcd"]
    bad = next(seed for seed in range(100) if len(set(sides(owners, (7, 2, 1), seed))) < 3)
    with pytest.raises(SettingsError, match="would be empty") as caught:
        select(table, choice((7, 2, 1), bad))
    proposed = int(re.search(r"set split_seed to (\d+)", str(caught.value))[1])
    assert set(select(table, choice((7, 2, 1), proposed)).chosen["split"]) == set(SPLITS)


def test_too_few_artists():
    with pytest.raises(SettingsError, match="lower minimal_side"):
        select(measured(["a", "a", "b"]), choice())


@pytest.mark.parametrize("split", [(300, 25, 0), (300, -1, 25), (0.7, 0.2, 0.1)])
def test_numbers_of_the_split_are_whole_and_positive(split):
    with pytest.raises(ValueError, match="split"):
        RuledSR(split=split)


def test_the_sample_profile_keeps_all_its_paintings():
    folder = PROJECT / "data" / "sample" / "paintings"
    table = pd.read_csv(folder / "paintings.csv")
    pictures = {
        name: decode_rgb((folder / name).read_bytes(), name) for name in table["new_filename"]
    }
    hashes = [hash_to_hex(perceptual_hash(picture)) for picture in pictures.values()]
    paintings = pd.DataFrame(
        {
            "id": table["new_filename"].str.removesuffix(".jpg"),
            "file": table["new_filename"],
            "sha256": table["new_filename"],
            "phash": hashes,
            "width": table["pixelsx"],
            "height": table["pixelsy"],
            "status": "ok",
            **{name: table[name] for name in ("artist", "title", "style")},
        }
    )
    rules = load_settings("sample").super_resolution.data_set
    candidates = large_enough(paintings, rules.minimal_side)
    found = select(measure_paintings(candidates, pictures.__getitem__)[0], rules)
    assert found.rejected.empty
    assert found.chosen["split"].value_counts().to_dict() == {"train": 9, "test": 3, "valid": 2}
