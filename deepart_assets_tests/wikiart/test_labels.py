import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.names import name_key
from deepart_assets.wikiart.labels import artist_key, spellings, years_of


@pytest.mark.parametrize(
    "names",
    [
        ("impressionism", "IMPRESSIONISM ", " Impres\u00adsionism", "ＩＭＰＲＥＳＳＩＯＮＩＳＭ"),
        ("Post_Impressionism", "post impressionism", "Post-Impressionism", "POST – IMPRESSIONISM"),
        ("Édouard Manet", "edouard manet", unicodedata.normalize("NFD", "Édouard  Manet")),
        ("Naïve Art (Primitivism)", "naive art primitivism"),
        ("Straße", "STRASSE"),
        ("Krøyer", "kroyer"),
        ("Ukiyo-e", "ukiyo e"),
    ],
)
def test_spellings_of_one_name(names):
    assert len({name_key(name) for name in names}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("Impressionism", "Post-Impressionism"),
        ("Manet", "Monet"),
        ("か", "が"),  # a mark that is not an accent
        ("कि", "की"),
        ("Postimpressionism", "Post-Impressionism"),
    ],
)
def test_different_names_stay_apart(names):
    assert len({name_key(name) for name in names}) == len(names)


@given(st.text())
def test_a_key_is_its_own_key_and_knows_no_case(name):
    key = name_key(name)
    assert name_key(key) == key
    assert artist_key(artist_key(name)) == artist_key(name)
    assert name_key(unicodedata.normalize("NFD", name)) == key
    assert name_key(f" {name}\t") == key


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F)))
def test_case_does_not_count(name):
    assert name_key(name.lower().upper()) == name_key(name.lower())


@given(st.lists(st.text(alphabet="abcdé"), min_size=1), st.randoms())
def test_the_order_of_an_artists_words_does_not_count(words, random):
    shuffled = random.sample(words, len(words))
    assert artist_key(" ".join(words)) == artist_key(", ".join(shuffled))


def test_an_artist_in_either_order():
    assert artist_key("Manet, Édouard") == artist_key("Edouard MANET") != artist_key("Claude Monet")
    assert artist_key("Van Gogh, Vincent") == artist_key("vincent-van-gogh")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "?",
        "unknown",
        "Anonymous",
        "anon.",
        "Unknown Artist",
        "Unidentified painter",
        "nan",
    ],
)
def test_unknown_artists(name):
    assert artist_key(name) == ""


def test_a_master_with_a_name_is_known():
    assert artist_key("Master of the Female Half-Lengths")


def test_the_most_frequent_spelling_stands_for_a_name():
    names = ["pop art", "Pop  Art", "Pop Art", "Pop Art", "", "Cubism", "cubism"]
    assert spellings(names) == {"pop art": "Pop Art", "cubism": "Cubism"}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1889", (1889, 1889)),
        ("1889.0", (1889, 1889)),
        ("c.1890", (1890, 1890)),
        ("before 1890", (1890, 1890)),
        ("c. 850", (850, 850)),
        ("١٨٨٩", (1889, 1889)),
        ("14 July 1889", (1889, 1889)),
        ("14.7.1889", (1889, 1889)),
        ("1905-11-02", (1905, 1905)),
        ("1876-1878", (1876, 1878)),
        ("1876 – 1878", (1876, 1878)),
        ("1876–78", (1876, 1878)),
        ("ca. 1510–15", (1510, 1515)),
        ("1898-9", (1898, 1899)),
        ("1910/11", (1910, 1911)),
        ("1898-02", (1898, 1898)),
        ("1889, 1893 (retouched)", (1889, 1893)),
        ("1890s", (1890, 1899)),
        ("1890's", (1890, 1899)),
        ("mid-1890s", (1893, 1896)),
        ("1500s", (1500, 1599)),
        ("early 1500s", (1500, 1533)),
        ("16th century", (1501, 1600)),
        ("16th c.", (1501, 1600)),
        ("late 19th century", (1867, 1900)),
        ("15th–16th century", (1401, 1600)),
        ("second half of the 15th century", (1451, 1500)),
        ("1st quarter of the 16th century", (1501, 1525)),
        ("last third of the 18th century", (1767, 1800)),
        ("3000-2500 BC", (-3000, -2500)),
        ("5th century B.C.", (-500, -401)),
        ("200 BCE – 100", (-200, 100)),
        ("Unknown", None),
        ("", None),
        ("12345", None),
        ("9999", None),
        ("July 14", None),
        ("14th of July", None),
    ],
)
def test_years(text, years):
    assert years_of(text) == years


WORDS = ["c.", "early", "late", "half", "first", "last", "of the", "19th", "century", "1890s", "BC"]
PIECES = st.sampled_from(
    [*WORDS, "-", "–", "/", ".0", "1st", "3rd", "quarter", "s", "'s", " ", ","]
)


@given(
    st.one_of(st.text(), st.lists(st.one_of(PIECES, st.integers(0, 99999).map(str))).map("".join))
)
def test_any_text_gives_years_in_order_or_none(text):
    years = years_of(text)
    assert years is None or years[0] <= years[1]


@given(st.integers(100, 2100), st.integers(0, 99))
def test_ranges_as_they_are_written(first, length):
    last = min(first + length, 2100)
    assert years_of(f"{first}-{last}") == (first, last)
    if last // 100 == first // 100:
        assert years_of(f"c. {first}–{last % 100:02}") == (first, last)
