"""Which paintings may lend their ground."""

import pytest

from deepart_assets.settings.grounds import Lenders
from deepart_assets.wikiart import lenders
from deepart_assets.wikiart.lenders import refusal, without_effect

LABELS = {
    "artist": "Édouard Manet",
    "style": "Impressionism",
    "genre": "landscape",
    "date": "1874",
    "licence": "CC0",
}


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        ({}, None),
        ({"styles": ("impressionism",), "artists": ("Manet, Edouard",)}, None),
        ({"styles": ("Realism",)}, "styles"),
        ({"licences": ("cc0", "public domain")}, None),
        ({"licences": ("public domain",)}, "licence"),
        ({"years": (1870, 1880)}, None),
        ({"years": (1875, None)}, "year"),
        ({"years": (None, 1873)}, "year"),
        ({"not_genres": ("Landscape",)}, "not_genres"),
        ({"not_artists": ("Edouard Manet",)}, "not_artists"),
        ({"not_paintings": ("p1",)}, "not_paintings"),
    ],
)
def test_every_condition_is_met_or_named(choice, word):
    found = refusal("p1", LABELS, Lenders(**choice))
    assert found is None if word is None else word in str(found)


def test_prints_and_drawings_never_lend_unless_the_profile_says_so():
    print_of = {**LABELS, "style": "ukiyo-e"}
    drawing = {**LABELS, "genre": "sketch-and-study"}
    assert refusal("p1", print_of, Lenders()) and refusal("p1", drawing, Lenders())
    assert refusal("p1", print_of, Lenders(not_styles=())) is None


def test_a_painting_without_a_label_meets_no_condition_on_it():
    assert refusal("p1", {}, Lenders()) is None
    assert refusal("p1", {}, Lenders(licences=("CC0",)))
    assert refusal("p1", {}, Lenders(years=(1500, None)))


def test_the_names_of_a_profile_are_read_once_for_all_paintings(monkeypatch):
    read = []

    def key(name):
        read.append(name)
        return name.casefold()

    named = {setting: (label, key) for setting, (label, _) in lenders._NAMED.items()}
    monkeypatch.setattr(lenders, "_NAMED", named)
    choice = Lenders(styles=("Impressionism",), not_artists=("Someone read once",))
    assert [refusal(f"p{number}", LABELS, choice) for number in range(3)] == [None] * 3
    assert read.count("Someone read once") == 1


def test_a_name_that_withdraws_nothing_is_told_with_the_nearest():
    artists = {"met-436005": "Gustave Courbet", "p1": "Édouard Manet", "p2": ""}
    choice = Lenders(
        not_paintings=("p1", "met-43605", "zzz"), not_artists=("Manet, Edouard", "Gustav Corbet")
    )
    assert list(without_effect(choice, artists)) == [
        "grounds.lenders.not_paintings: there is no painting 'met-43605'; did you mean"
        " 'met-436005'?",
        "grounds.lenders.not_paintings: there is no painting 'zzz'",
        "grounds.lenders.not_artists: no painting is by 'Gustav Corbet'; did you mean"
        " 'Gustave Courbet'?",
    ]
