"""The original notebook's archive: what is taken, under which ids, and what is said of the rest."""

import pytest
from PIL import Image

from deepart_assets.errors import UnavailableError
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.sr.archive import CHOSEN, REJECTED, take_archive
from deepart_assets_tests.wikiart.conftest import MemorySource, encode, noise

GOOD = encode(noise(40, 30))


def taken(files):
    return take_archive(MemorySource(files).source())


def test_whole_pictures_with_the_split_of_their_folder():
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "WikiArtSR/train/Claude Monet_water lilies.jpg": encode(noise(40, 30), "JPEG"),
        "WikiArtSR/train/b.png": GOOD,
        "WikiArtSR/Valid/c.png": encode(noise(50, 60, 1)),
        "WikiArtSR/test/d.jpg": encode(noise(20, 70, 2), "JPEG", exif=turned),
        "WikiArtSR/cover.png": GOOD,
        "WikiArtSR/other/e.png": GOOD,
    }
    found = taken(files)
    chosen = found.selection.chosen
    assert list(chosen.columns) == CHOSEN
    assert chosen[["id", "path", "split"]].to_numpy().tolist() == [
        ["Claude_Monet_water_lilies", "wikiart_sr/pictures/train/Claude_Monet_water_lilies.jpg",
         "train"],
        ["b", "wikiart_sr/pictures/train/b.png", "train"],
        ["c", "wikiart_sr/pictures/valid/c.png", "valid"],
        ["d", "wikiart_sr/pictures/test/d.jpg", "test"],
    ]  # fmt: skip
    boxes = chosen[["left", "top", "right", "bottom"]].to_numpy().tolist()
    # Width and height of the upright picture.
    assert boxes == [[0, 0, 30, 40], [0, 0, 30, 40], [0, 0, 60, 50], [0, 0, 20, 70]]
    assert found.elsewhere == 2 and found.selection.rejected.empty
    for row in chosen.to_dict("records"):
        assert sha256_of(found.pictures[row["path"]].read()) == row["sha256"]


def test_a_name_in_two_folders_and_names_that_become_one():
    files = {
        "train/1.png": GOOD,
        "valid/1.png": GOOD,
        "test/1.PNG": GOOD,
        "train/a b.png": GOOD,
        "train/a_b.png": GOOD,
        "train/A_B.jpg": encode(noise(), "JPEG"),
        "train/!.png": GOOD,
        "test/2.png": GOOD,
    }
    chosen = taken(files).selection.chosen
    assert chosen["id"].tolist() == [
        "2", "picture", "test-1", "train-1", "train-A_B", "train-a_b-2", "train-a_b-3", "valid-1",
    ]  # fmt: skip
    assert chosen["path"].str.casefold().is_unique
    assert chosen["path"].str.lower().str.endswith((".png", ".jpg")).all()


def test_bad_pictures_are_left_out_with_the_reason():
    files = {"train/a.png": GOOD, "valid/b.png": GOOD, "test/c.png": GOOD}
    bad = {"train/empty.png": b"", "train/cut.png": GOOD[:-300], "test/page.jpg": b"<html>"}
    found = taken(files | bad)
    assert found.selection.chosen["id"].tolist() == ["a", "b", "c"]
    rejected = found.selection.rejected
    assert list(rejected.columns) == REJECTED
    reasons = dict(zip(rejected["file"], rejected["reason"], strict=True))
    assert set(reasons) == set(bad)
    assert "train/empty.png is empty" in reasons["train/empty.png"]
    assert all("replace the file" in reason for reason in reasons.values())
    assert set(rejected["rule"]) == {"unreadable"}


def test_missing_folders():
    with pytest.raises(UnavailableError) as caught:
        taken({"WikiArtSR/train/a.png": GOOD, "WikiArtSR/val/b.png": GOOD})
    assert str(caught.value) == (
        "a shelf, shelf has no picture in a folder valid or test; its folders with pictures are"
        " WikiArtSR/train, WikiArtSR/val: set super_resolution.data_set.file_id to an archive"
        " with train, valid and test, or kind to rules"
    )


def test_a_folder_without_any_good_picture():
    files = {"train/a.png": GOOD, "valid/b.png": b"", "test/c.png": GOOD}
    with pytest.raises(UnavailableError, match=r"no picture in valid that can be read; .*is empty"):
        taken(files)
