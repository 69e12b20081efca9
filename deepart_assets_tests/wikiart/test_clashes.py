"""Several sources in one catalogue, and which of two files stays."""

import hashlib

import pytest

from deepart_assets.wikiart.annotations import OPTIONAL
from deepart_assets.wikiart.catalogue import (
    COLUMNS,
    build_catalogue,
    counted,
    to_parquet,
)
from deepart_assets.wikiart.naming import folder_id, painting_id


def test_clash_of_ids(shelf, picture):
    files = {
        "1.jpg": picture(1), "1.png": picture(2), "Lily.png": picture(3),
        "lily.png": picture(4), "deep/1.png": picture(5), "a b.png": picture(6),
        "a_b.png": picture(7), "z/LILY.png": picture(8),
    }  # fmt: skip
    first = build_catalogue([shelf(files).source()])
    ok = first.catalogue[first.catalogue["status"] == "ok"]
    assert sorted(ok["id"]) == ["1", "Lily", "a_b", "deep_1", "z_LILY"]
    assert set(ok["sha256"]) == {hashlib.sha256(picture(n)).hexdigest() for n in (1, 3, 5, 6, 8)}
    reasons = "\n".join(first.catalogue["reason"])
    assert "1.png would have the same id as 1.jpg" in reasons
    assert "lily.png would have the same id as Lily.png" in reasons
    second = build_catalogue([shelf(files).source()], first.catalogue, first.inspection_cache)
    assert to_parquet(second.catalogue) == to_parquet(first.catalogue)


@pytest.mark.parametrize(
    ("inside", "is_iiif"),
    [
        ("full/max/0/", True),
        ("full/1200,/0/", True),
        ("square/!90,90/!90/", True),
        ("0,0,9,9/^max/22.5/", True),
        ("pct:1,1,9.5,9/pct:50/180/", True),
        ("12,5/", False),  # folders of somebody's own
        ("90/", False),
    ],
)
def test_what_iiif_asks_for_is_no_name_of_an_object(inside, is_iiif):
    paths = [f"x/obj{n}/{inside}default.jpg" for n in (1, 2)]
    own = painting_id(f"{inside[:-1]}_default.jpg")
    expected = ["obj1_default", "obj2_default"] if is_iiif else [own, own]
    assert [folder_id(path) for path in paths] == expected


def test_pictures_of_one_name_are_told_apart_by_their_folders_for_good(shelf, picture):
    files = shelf({f"obj{n}/full/max/0/default.jpg": picture(n) for n in (1, 2)})
    first = build_catalogue([files.source()])
    assert list(first.catalogue["id"]) == ["obj1_default", "obj2_default"]
    del files.files["obj1/full/max/0/default.jpg"]
    second = build_catalogue([files.source()], first.catalogue)
    assert list(second.catalogue["id"]) == ["obj2_default"]
    later = shelf({"a/default.jpg": picture(3)})
    alone = build_catalogue([later.source()])
    assert list(alone.catalogue["id"]) == ["default"]
    later.files["b/default.jpg"] = picture(4)
    both = build_catalogue([later.source()], alone.catalogue)
    assert list(both.catalogue["id"]) == ["b_default", "default"]
    assert set(both.catalogue["status"]) == {"ok"}


def test_a_damaged_file_takes_no_id_from_a_good_one(shelf, picture):
    build = build_catalogue([shelf({"a/1.png": b"damaged", "b/1.png": picture()}).source()])
    assert sorted(build.catalogue["status"]) == ["ok", "quarantined"]


def test_when_the_first_of_a_clash_goes_the_second_takes_its_place(shelf, picture):
    files = shelf({"x/1.png": picture(1), "y/1.png": picture(2)})
    first = build_catalogue([files.source()])
    del files.files["x/1.png"]
    second = build_catalogue([files.source()], first.catalogue, first.inspection_cache)
    assert (second.catalogue["status"] == "ok").sum() == 1
    assert second.catalogue.loc[0, "sha256"] == hashlib.sha256(picture(2)).hexdigest()


def test_sources_are_joined_each_with_its_own_csv(shelf, picture, kaggle_csv):
    first = shelf(
        {"1.png": picture(1)},
        kaggle_csv.encode(),
        name="kaggle",
        ignored={"readme.txt": "is a text: remove it"},
    )
    second = shelf({"Baroque/7.png": picture(2), "8.png": b""}, name="inbox")
    third = shelf({}, name="empty")
    build = build_catalogue([first.source(), second.source(), third.source()])
    table = build.catalogue.set_index("id")
    assert list(build.catalogue.columns) == [each for each in COLUMNS if each not in OPTIONAL]
    assert table["source"].to_dict() == {"1": "kaggle", "7": "inbox", "8": "inbox"}
    assert table["style"].to_dict() == {"1": "Impressionism", "7": "Baroque", "8": ""}
    assert build.ignored == {"kaggle/readme.txt": "is a text: remove it"}
    assert build.csv_rows_without_picture == build.pictures_without_csv_row == 2
    names = ("kaggle", "inbox", "empty")
    assert [tuple(counted(build.catalogue, name).values()) for name in names] == [
        ("kaggle", 1, 1, 0), ("inbox", 2, 1, 1), ("empty", 0, 0, 0),
    ]  # fmt: skip


def test_of_equal_bytes_that_of_the_first_source_stays(shelf, picture):
    a = shelf({"x.png": picture(1), "y.png": picture(1)}, name="a")
    b = shelf({"b.png": picture(1), "x.png": picture(1)}, name="b")
    build = build_catalogue([b.source(), a.source()])
    ok = build.catalogue[build.catalogue["status"] == "ok"]
    assert (ok["source"].item(), ok["file"].item()) == ("b", "b.png")
    assert build.duplicates == 3
    bad = build.catalogue[build.catalogue["status"] != "ok"]
    assert set(bad["reason"]) == {
        "x.png has the same bytes as b.png: remove one",
        "x.png has the same bytes as b.png of b: remove one",
        "y.png has the same bytes as b.png of b: remove one",
    }
    assert (bad[["sha256", "phash"]] != "").all(axis=None)


@pytest.mark.parametrize("same", ["bytes", "id"])
def test_a_new_file_never_displaces_an_old_painting(shelf, picture, same):
    old = shelf({"m.png": picture(1)}, name="old")
    first = build_catalogue([old.source()])
    content = picture(1) if same == "bytes" else picture(2)
    new = shelf({"a.png" if same == "bytes" else "M.png": content}, name="new")
    # The new source stands first in the profile, and its file first in the order of paths.
    second = build_catalogue([new.source(), old.source()], first.catalogue, first.inspection_cache)
    ok = second.catalogue[second.catalogue["status"] == "ok"]
    assert (ok["source"].item(), ok["file"].item()) == ("old", "m.png")
    # Without a past the order of the sources decides.
    fresh = build_catalogue([new.source(), old.source()])
    assert fresh.catalogue.loc[fresh.catalogue["status"] == "ok", "source"].item() == "new"


def test_a_renamed_source_keeps_its_paintings(shelf, picture):
    one = shelf({"b.png": picture(1)}, name="one")
    first = build_catalogue([one.source()])
    renamed = shelf({"a.png": picture(1), "b.png": picture(1)}, name="two")
    second = build_catalogue([renamed.source()], first.catalogue, first.inspection_cache)
    assert second.catalogue.loc[second.catalogue["status"] == "ok", "file"].item() == "b.png"


def test_what_gives_way_is_in_nobodys_way(shelf, picture):
    files = {"1.jpg": picture(1), "1.png": picture(2), "3.png": picture(2)}
    build = build_catalogue([shelf(files).source()])
    ok = build.catalogue[build.catalogue["status"] == "ok"]
    assert sorted(ok["file"]) == ["1.jpg", "3.png"]
