"""Files of the folder masks find their painting by the rule of painting ids."""

import unicodedata

import pytest

from deepart_assets.assets.subject_texts import SUBJECT_TEXTS
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.errors import PaintingError
from deepart_assets.orchestration.context import Painting
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.wikiart.painting_folder import by_folded_id

KEYS = {"p1", "Mona_Lisa", "café", "a_mask", "x.y"}


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("p1.png", "p1"), ("p1.PNG", "p1"), ("p1.jpg", "p1"), ("p1.png.png", "p1"),
        ("p1.jpg.png", "p1"), ("p1.jfif.png", "p1"),
        ("p1_mask.png", "p1"), ("p1 mask.png", "p1"), ("p1-Mask.tif", "p1"),
        ("P1.png", "p1"), ("Mona  Lisa.png", "Mona_Lisa"), ("mona lisa_MASK.PNG", "Mona_Lisa"),
        (unicodedata.normalize("NFD", "café.png"), "café"), ("a_mask.png", "a_mask"),
        ("x.y.png", "x.y"), ("x.y_mask.webp", "x.y"),
    ],
)  # fmt: skip
def test_a_mask_belongs_to_its_painting(lake, name, key):
    lake.write(f"masks/{name}", b"bytes")
    assert CURATED_MASKS.files(lake, KEYS) == {key: name}
    [(found, file)] = CURATED_MASKS.read(lake, KEYS, KEYS).items()
    assert found == key and lake.read(file.path) == b"bytes"
    assert CURATED_MASKS.located(lake, key, by_folded_id(KEYS)) == f"masks/{name}"
    assert CURATED_MASKS.strays(lake, KEYS) == {}


@pytest.mark.parametrize(
    ("name", "owner", "other"),
    [("29.100.1.png", "29.100.1", "29.100"), ("a_mask.png", "a_mask", "a")],
)
def test_a_file_of_one_painting_is_never_that_of_another(lake, name, owner, other):
    lake.write(f"masks/{name}", b"bytes")
    keys = {owner, other}
    assert list(CURATED_MASKS.read(lake, keys, [owner])) == [owner]
    assert CURATED_MASKS.read(lake, keys, [other]) == {}
    assert CURATED_MASKS.located(lake, other, by_folded_id(keys)) == CURATED_MASKS.path(other)


def test_a_number_at_the_end_of_an_id_is_no_suffix(lake):
    lake.write("masks/29.100.1.png", b"bytes")
    assert CURATED_MASKS.files(lake, {"29.100"}) == {}
    assert "belongs to no painting" in CURATED_MASKS.strays(lake, {"29.100"})["29.100.1.png"]


def test_what_belongs_to_none_is_told_with_the_nearest_painting(lake):
    for name in ("Mona_Liza.png", "p1.png", "p1.jpg", "p1.gif", "README.md", "note.txt"):
        lake.write(f"masks/{name}", b"bytes")
    strays = CURATED_MASKS.strays(lake, KEYS)
    assert set(strays) == {"Mona_Liza.png", "p1.jpg", "p1.gif"}
    assert "the nearest is Mona_Lisa.png" in strays["Mona_Liza.png"]
    assert strays["p1.gif"].startswith("is not read, by its suffix .gif: save it as")
    assert strays["p1.jpg"] == "is a second file of p1 beside p1.png: remove one"
    assert set(SUBJECT_TEXTS.strays(lake, KEYS)) == {"note.txt"}


def test_the_nearest_is_looked_for_while_that_is_quick(lake):
    for number in range(9):
        lake.write(f"masks/Mona_Liza_{number}.png", b"bytes")
    reasons = CURATED_MASKS.strays(lake, KEYS).values()
    assert len(reasons) == 9 and all("belongs to no painting" in each for each in reasons)
    assert sum("the nearest is Mona_Lisa.png" in each for each in reasons) == 5
    many = {*KEYS, *(f"p{number}" for number in range(6000))}
    reasons = CURATED_MASKS.strays(lake, many).values()
    assert len(reasons) == 9 and not any("nearest" in each for each in reasons)


def test_a_file_that_cannot_be_read_fails_its_painting_alone(lake, tmp_path):
    lake.write("masks/x.y.png", b"bytes")
    (tmp_path / "masks" / "p1.png").symlink_to(tmp_path / "nowhere")
    observed = CURATED_MASKS.read(lake, KEYS, KEYS)
    assert set(observed) == {"p1", "x.y"}
    data = {
        key: Painting(
            key, "", "", {}, MaterializationStore(lake), observed={CURATED_MASKS.asset: file}
        )
        for key, file in observed.items()
    }
    assert data["x.y"].observed_file(CURATED_MASKS.asset) == (b"bytes", "masks/x.y.png")
    with pytest.raises(PaintingError, match=r"^masks/p1\.png cannot be read \(No such file.*\): r"):
        data["p1"].observed_file(CURATED_MASKS.asset)


def test_a_folder_among_the_masks_is_told(lake):
    lake.write("masks/done/p1.png", b"bytes")
    lake.write("masks/.hidden/p1.png", b"bytes")
    reason = "is a folder, which is not read: put what it has into masks"
    assert CURATED_MASKS.strays(lake, KEYS) == {"done": reason}
    assert SUBJECT_TEXTS.strays(lake, KEYS) == {}
