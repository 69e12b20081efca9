import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deepart_assets.errors import SettingsError
from deepart_assets.settings.wikiart import StyledPaintings
from deepart_assets.wikiart.labels import years_of
from deepart_assets.wikiart.styles import (
    condition_counts,
    filter_styles,
    style_counts,
    with_inbox,
    with_labels,
)

ROWS = [
    # id, style, genre, artist, date, width, height, status
    ("1", "Realism", "portrait", "Édouard Manet", "1866", 100, 200, "ok"),
    ("2", " realism", "landscape", "Manet, Edouard", "c.1870-75", 300, 200, "ok"),
    ("3", "Post-Impressionism", "portrait", "Paul Cézanne", "1890s", 104, 100, "ok"),
    ("4", "", "", "", "Unknown", 106, 100, "ok"),
    ("5", "Realism", "portrait", "Gustave Courbet", "1850", 0, 0, "quarantined"),
    ("6", "Cubism", "portrait", "Juan Gris", "1912", 0, 0, "quarantined"),
    ("7", "Straße", "still life", "Anonymous", "late 16th century", 500, 400, "ok"),
]
COLUMNS = ["id", "style", "genre", "artist", "date", "width", "height", "status"]


@pytest.fixture
def catalogue() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=COLUMNS)


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        ({}, "12347"),
        ({"styles": ["REALISM "]}, "12"),
        ({"styles": ["Realism", "post_impressionism"]}, "123"),
        ({"styles": ["STRASSE"]}, "7"),
        ({"genres": ["Portrait"]}, "13"),
        ({"genres": ["Still-Life"]}, "7"),
        ({"artists": ["edouard manet"]}, "12"),
        ({"artists": ["Cezanne, Paul"]}, "3"),
        ({"years": [1866, 1870]}, "12"),
        ({"years": [1875, None]}, "23"),
        ({"years": [None, 1600]}, "7"),
        ({"minimal_side": 104}, "27"),
        ({"orientations": ["portrait"]}, "1"),
        ({"orientations": ["square"]}, "3"),
        ({"orientations": ["landscape", "square"]}, "2347"),
        ({"styles": ["Realism"], "years": [1870, None], "orientations": ["landscape"]}, "2"),
        ({"limit": 2}, "12"),
        ({"styles": ["Realism", "Post-Impressionism"], "limit": 2}, "12"),
    ],
)
def test_conditions(catalogue, choice, ids):
    shuffled = catalogue.sample(frac=1, random_state=3)
    kept = filter_styles(shuffled, StyledPaintings.model_validate(choice))
    assert "".join(kept["id"]) == ids
    assert list(kept.index) == list(range(len(ids)))


@given(
    st.lists(st.sampled_from(["Realism", "Cubism", "Pop Art"]), max_size=2),
    st.tuples(st.integers(1850, 1950), st.integers(0, 50)),
    st.integers(1, 60),
    st.lists(
        st.tuples(st.integers(10, 90), st.integers(10, 90), st.integers(1840, 1960)), max_size=9
    ),
)
def test_a_painting_is_kept_if_it_meets_all(styles, years, side, paintings):
    """Against the definition, written out for one painting."""
    names = ["Realism", "Cubism", "Pop Art"]
    rows = [
        (f"{n:02}", names[n % 3], "", "", str(year), w, h, "ok")
        for n, (w, h, year) in enumerate([(90, 90, 1900)] * 3 + paintings)
    ]
    first, last = years[0], sum(years)
    choice = StyledPaintings(styles=tuple(styles), years=(first, last), minimal_side=side)
    wanted = [
        row[0]
        for row in rows
        if (not styles or row[1] in styles)
        and first <= int(row[4]) <= last
        and min(row[5:7]) >= side
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    if wanted:
        assert list(filter_styles(table, choice)["id"]) == wanted
    else:
        with pytest.raises(SettingsError, match="no painting meets every condition"):
            filter_styles(table, choice)


def test_an_empty_catalogue_is_no_error_without_conditions(catalogue):
    assert filter_styles(catalogue[:0], StyledPaintings()).empty


def test_unknown_style_names_the_nearest_and_all(catalogue):
    with pytest.raises(SettingsError) as caught:
        filter_styles(catalogue, StyledPaintings(styles=("Realizm", "Realism", "Cubism")))
    message = str(caught.value)
    assert "'Realizm', did you mean 'Realism'" in message
    assert "'Cubism'" in message  # only a quarantined painting has it
    assert "Realism (2)" in message and "Post-Impressionism (1)" in message
    assert "(none) (1)" in message
    assert "styled_paintings.styles" in message


def test_every_list_with_unknown_names_is_told(catalogue):
    choice = StyledPaintings(styles=("Fauvism",), genres=("portrait", "marina"), artists=("manet",))
    with pytest.raises(SettingsError) as caught:
        filter_styles(catalogue, choice)
    styles, genres, artists = str(caught.value).splitlines()
    assert styles.startswith("styled_paintings.styles: no painting has the style 'Fauvism'")
    assert "the genre 'marina'" in genres and "portrait (2)" in genres
    assert "'manet', did you mean" in artists and "Manet" in artists.split("did you mean")[1]


@pytest.mark.parametrize("name", ["", "  ", "(none)", "?"])
def test_a_name_without_letters_is_unknown(catalogue, name):
    for setting in ("styles", "genres", "artists"):
        with pytest.raises(SettingsError, match=f"styled_paintings.{setting}"):
            filter_styles(catalogue, StyledPaintings.model_validate({setting: [name]}))


def test_of_many_artists_the_most_frequent_are_told():
    rows = [
        (f"{artist}-{n}", "", "", f"Painter {artist:02}", "", 9, 9, "ok")
        for artist in range(30)
        for n in range(artist + 1)
    ]
    with pytest.raises(SettingsError) as caught:
        filter_styles(pd.DataFrame(rows, columns=COLUMNS), StyledPaintings(artists=("Nobody",)))
    message = str(caught.value)
    assert "most frequent of 30 artists" in message
    assert "Painter 29 (30)" in message and "Painter 20 (21)" in message
    assert "Painter 19" not in message


def test_what_leaves_nothing_is_told_by_condition(catalogue):
    choice = StyledPaintings(styles=("Realism",), years=(1890, 1899), minimal_side=100)
    with pytest.raises(SettingsError, match="Of 5 paintings") as caught:
        filter_styles(catalogue, choice)
    assert "styles 2, years 1, minimal_side 5" in str(caught.value)


def test_years_must_be_in_order():
    with pytest.raises(ValidationError, match="1900, is after the last, 1800"):
        StyledPaintings(years=(1900, 1800))


def test_condition_counts(catalogue):
    choice = StyledPaintings(styles=("Realism",), years=(1870, None), limit=1)
    rows = {row.pop("name"): row for row in condition_counts(catalogue, choice)}
    assert list(rows) == ["readable", "styles", "years", "limit"]
    assert rows["readable"] == {"kept": 5, "dropped": 2, "dropped_alone": 2}
    assert rows["styles"] == {"kept": 2, "dropped": 3, "dropped_alone": 1}  # 3 is of the 1890s
    assert rows["years"] == {"kept": 2, "dropped": 3, "dropped_alone": 1}
    assert rows["limit"] == {"kept": 1, "dropped": 0, "dropped_alone": 0}
    assert years_of("1890s") == (1890, 1899)


def test_counts_add_up(catalogue):
    kept = filter_styles(catalogue, StyledPaintings(styles=("Realism",)))
    counts = style_counts(catalogue, with_labels(kept, None)).set_index("style")
    assert counts.loc["Realism"].to_dict() == {"kept": 2, "labelled": 0, "dropped": 1}
    assert counts.loc["(none)"].to_dict() == {"kept": 0, "labelled": 0, "dropped": 1}
    assert counts.index[0] == "Realism"  # the most frequent
    assert counts["kept"].sum() == len(kept)
    assert counts.to_numpy().sum() == len(catalogue)


def test_labelled_styles_fill_gaps_and_only_gaps(catalogue):
    labels = pd.DataFrame({"id": ["1", "4", "5"], "style": ["Cubism", "Realism", "Cubism"]})
    filled = with_labels(catalogue, labels)
    assert filled["style"].tolist() == [row[1] if row[0] != "4" else "Realism" for row in ROWS]
    assert filled.loc[filled["style_labelled"], "id"].tolist() == ["4"]
    assert filled["style_labelled"].dtype == bool
    assert catalogue["style"].tolist() == [row[1] for row in ROWS]

    kept = filter_styles(filled, StyledPaintings(styles=("Realism",)))
    assert kept["id"].tolist() == ["1", "2", "4"]
    counts = style_counts(filled, kept).set_index("style")
    assert counts.loc["Realism"].to_dict() == {"kept": 2, "labelled": 1, "dropped": 1}


@pytest.mark.parametrize("labels", [None, pd.DataFrame({"id": [], "style": []})])
def test_without_labels_nothing_is_marked(catalogue, labels):
    filled = with_labels(catalogue, labels)
    assert not filled["style_labelled"].any()
    assert filled["style_labelled"].dtype == bool
    assert filled.drop(columns="style_labelled").equals(catalogue)


# --- the inbox -----------------------------------------------------------------------------------


def files(*names):
    """A catalogue of files named by their id, a dot and their bytes."""
    rows = [(name.split(".")[0], name, name.split(".")[1], "ok") for name in names]
    return pd.DataFrame(rows, columns=["id", "file", "sha256", "status"], dtype="str")


@pytest.mark.parametrize(
    ("wikiart", "inbox", "paths", "gone"),
    [
        (["a.1", "b.2"], ["c.1"], ["wikiart/a.1", "wikiart/b.2"], ["inbox/c.1"]),
        (["a.1", "b.2"], ["A.9"], ["wikiart/b.2", "inbox/A.9"], ["wikiart/a.1"]),
        (["a.1"], ["a.1"], ["wikiart/a.1"], ["inbox/a.1"]),
        (["a.1"], ["a.9", "c.1"], ["inbox/a.9", "inbox/c.1"], ["wikiart/a.1"]),
        (  # each replaces the one before whose bytes the next one has
            ["a.1", "c.2", "d.3"],
            ["a.9", "c.1", "d.2", "e.3"],
            ["inbox/a.9", "inbox/c.1", "inbox/d.2", "inbox/e.3"],
            ["wikiart/a.1", "wikiart/c.2", "wikiart/d.3"],
        ),
        ([], ["a.1"], ["inbox/a.1"], []),
    ],
    ids=["bytes", "id", "both", "bytes of one replaced", "chain", "no WikiArt"],
)
def test_every_picture_of_the_inbox_is_listed_once(wikiart, inbox, paths, gone):
    listed, refused = with_inbox(files(*wikiart), files(*inbox))
    assert [path.replace("_paintings", "") for path in listed["path"]] == paths
    assert [row["file"].replace("_paintings", "") for row in refused] == gone
    assert listed["sha256"].is_unique
    assert set(files(*inbox)["sha256"]) <= set(listed["sha256"])
