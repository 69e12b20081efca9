"""Which paintings may lend their ground."""

import pytest

from deepart_assets.settings.grounds import Lenders
from deepart_assets.wikiart.lenders import refusal

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
