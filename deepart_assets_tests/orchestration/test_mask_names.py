"""Files of the folder masks find their painting by the rule of painting ids."""

import unicodedata

import pytest

from deepart_assets.assets.subject_texts import SUBJECT_TEXTS
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.storage import Lake

KEYS = {"p1", "Mona_Lisa", "café", "a_mask", "x.y"}


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("p1.png", "p1"), ("p1.PNG", "p1"), ("p1.jpg", "p1"), ("p1.png.png", "p1"),
        ("p1.jpg.png", "p1"), ("p1_mask.png", "p1"), ("p1 mask.png", "p1"), ("p1-Mask.tif", "p1"),
        ("P1.png", "p1"), ("Mona  Lisa.png", "Mona_Lisa"), ("mona lisa_MASK.PNG", "Mona_Lisa"),
        (unicodedata.normalize("NFD", "café.png"), "café"), ("a_mask.png", "a_mask"),
        ("x.y.png", "x.y"), ("x.y_mask.webp", "x.y"),
    ],
)  # fmt: skip
def test_a_mask_belongs_to_its_painting(lake, name, key):
    lake.write(f"masks/{name}", b"bytes")
    assert CURATED_MASKS.files(lake, KEYS) == {key: name}
    assert set(CURATED_MASKS.hashes(lake, KEYS)) == {key}
    assert lake.read(CURATED_MASKS.located(lake, key)) == b"bytes"
    assert CURATED_MASKS.strays(lake, KEYS) == {}


def test_what_belongs_to_none_is_told_with_the_nearest_painting(lake):
    for name in ("Mona_Liza.png", "p1.png", "p1.jpg", "p1.gif", "README.md", "note.txt"):
        lake.write(f"masks/{name}", b"bytes")
    strays = CURATED_MASKS.strays(lake, KEYS)
    assert set(strays) == {"Mona_Liza.png", "p1.jpg", "p1.gif"}
    assert "the nearest is Mona_Lisa.png" in strays["Mona_Liza.png"]
    assert strays["p1.gif"].startswith("is not read, by its suffix .gif: save it as")
    assert strays["p1.jpg"] == "is a second file of p1 beside p1.png: remove one"
    assert set(SUBJECT_TEXTS.strays(lake, KEYS)) == {"note.txt"}
