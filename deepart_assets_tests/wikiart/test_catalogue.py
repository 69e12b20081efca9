import hashlib
import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from deepart_assets.errors import PaintingError, SettingsError
from deepart_assets.storage import Lake
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    copy_pictures,
    from_parquet,
    to_parquet,
)
from deepart_assets.wikiart.naming import LONGEST_ID, lake_name, painting_id


def _bytes(image: Image.Image, form: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def _noise(height=20, width=30) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    return _bytes(_noise(), "JPEG", exif=exif)


KINDS = {
    "cmyk.jpg": _bytes(_noise().convert("CMYK"), "JPEG"),
    "deep.png": _bytes(Image.fromarray(np.full((20, 30), 40000, np.uint16)), "PNG"),
    "palette.gif": _bytes(_noise().convert("P"), "GIF"),
    "grey.tif": _bytes(_noise().convert("L"), "TIFF"),
    "alpha.webp": _bytes(_noise().convert("RGBA"), "WEBP", lossless=True),
    "profile.jpg": _bytes(
        _noise(),
        "JPEG",
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ),
    "animated.gif": _bytes(
        _noise().convert("P"), "GIF", save_all=True, append_images=[Image.new("P", (30, 20))]
    ),
    "png_inside.jpg": _bytes(_noise(), "PNG"),
}


def test_kinds_of_pictures(shelf):
    build = build_catalogue(shelf(KINDS).source())
    table = build.catalogue.set_index("file")
    assert set(table["status"]) == {"ok"}
    assert (table["width"] == 30).all() and (table["height"] == 20).all()
    for name, data in KINDS.items():
        assert table.loc[name, "sha256"] == hashlib.sha256(data).hexdigest()


def test_size_is_after_rotation(shelf):
    row = build_catalogue(shelf({"a.jpg": _rotated()}).source()).catalogue.iloc[0]
    assert (row["width"], row["height"]) == (20, 30)


def test_bad_pictures_are_set_apart_and_the_others_go_on(shelf, picture):
    whole = _bytes(_noise(200, 300), "JPEG")
    files = {
        "a_good.png": picture(),
        "empty.jpg": b"",
        "half.jpg": whole[: len(whole) // 2],
        "half.png": _bytes(_noise(200, 300), "PNG")[:5000],
        "page.jpg": b"<html>sign in</html>",
        "z_good.png": picture(1),
    }
    build = build_catalogue(shelf(files).source())
    bad = build.catalogue[build.catalogue["status"] == "quarantined"]
    assert sorted(bad["file"]) == ["empty.jpg", "half.jpg", "half.png", "page.jpg"]
    assert all(row.file in row.reason and ":" in row.reason for row in bad.itertuples())
    assert (bad[["width", "height"]] == 0).all(axis=None)
    good = build.catalogue[build.catalogue["status"] == "ok"]
    assert sorted(good["file"]) == ["a_good.png", "z_good.png"] and set(good["reason"]) == {""}
    assert (build.counts.pictures, build.counts.ok, build.counts.quarantined) == (6, 2, 4)


def test_a_fault_of_the_decoder_does_not_end_the_build(shelf, picture, monkeypatch):
    from deepart_assets.wikiart import catalogue

    real = catalogue.decode_rgb

    def faulty(data, name):
        if name == "b.png":
            raise IndexError("beyond the table")
        return real(data, name)

    monkeypatch.setattr(catalogue, "decode_rgb", faulty)
    build = build_catalogue(shelf({"a.png": picture(), "b.png": picture(1)}).source())
    assert build.counts.ok == 1
    assert "IndexError" in build.catalogue.set_index("id").loc["b", "reason"]


def test_unreadable_file_is_tried_again(shelf, picture):
    files = shelf({"a.png": picture(), "b.png": picture(1)})
    source = files.source()

    def refuse():
        raise PermissionError(13, "Permission denied")

    object.__setattr__(source.pictures[1], "read", refuse)
    first = build_catalogue(source)
    assert "Permission denied" in first.catalogue.set_index("id").loc["b", "reason"]
    second = build_catalogue(files.source(), first.catalogue, first.stamps)
    assert second.counts.ok == 2 and second.counts.decoded == 1


def test_only_new_and_changed_pictures_are_decoded(shelf, picture, decoded):
    files = shelf({f"{n}.png": picture(n) for n in range(5)} | {"bad.png": b"no picture"})
    first = build_catalogue(files.source())
    assert len(decoded) == first.counts.decoded == 6

    decoded.clear(), files.reads.clear()
    second = build_catalogue(files.source(), first.catalogue, first.stamps)
    assert decoded == [] and files.reads == [] and second.counts.decoded == 0
    assert to_parquet(second.catalogue) == to_parquet(first.catalogue)

    files.files["3.png"] = picture(30)
    files.files["new.png"] = picture(31)
    del files.files["4.png"]
    third = build_catalogue(files.source(), second.catalogue, second.stamps)
    assert sorted(decoded) == sorted(files.reads) == ["3.png", "new.png"]
    assert to_parquet(third.catalogue) == to_parquet(build_catalogue(files.source()).catalogue)


def test_without_stamps_the_hash_decides(shelf, picture, decoded):
    files = shelf({f"{n}.png": picture(n) for n in range(4)}, stamped=False)
    first = build_catalogue(files.source())
    assert first.stamps == {}
    decoded.clear(), files.reads.clear()
    files.files["2.png"] = picture(20)
    second = build_catalogue(files.source(), first.catalogue, first.stamps)
    assert decoded == ["2.png"] and len(files.reads) == 4
    assert second.counts.decoded == 1


def test_clash_of_ids(shelf, picture, decoded):
    files = {
        "1.jpg": picture(1), "1.png": picture(2), "Lily.png": picture(3),
        "lily.png": picture(4), "deep/1.png": picture(5), "a b.png": picture(6),
        "a_b.png": picture(7), "z/LILY.png": picture(8),
    }  # fmt: skip
    first = build_catalogue(shelf(files).source())
    ok = first.catalogue[first.catalogue["status"] == "ok"]
    assert sorted(ok["id"]) == ["1", "Lily", "a_b"]
    assert sorted(decoded) == ["1.jpg", "Lily.png", "a b.png"]
    reasons = "\n".join(first.catalogue["reason"])
    assert "1.png would have the same id as 1.jpg" in reasons
    assert "deep/1.png would have the same id as 1.jpg" in reasons
    assert "z/LILY.png would have the same id as Lily.png" in reasons
    assert "lily.png would have the same id as Lily.png" in reasons
    second = build_catalogue(shelf(files).source(), first.catalogue, first.stamps)
    assert to_parquet(second.catalogue) == to_parquet(first.catalogue)


def test_when_the_first_of_a_clash_goes_the_second_takes_its_place(shelf, picture):
    files = shelf({"x/1.png": picture(1), "y/1.png": picture(2)})
    first = build_catalogue(files.source())
    del files.files["x/1.png"]
    second = build_catalogue(files.source(), first.catalogue, first.stamps)
    assert second.counts.ok == 1
    assert second.catalogue.loc[0, "sha256"] == hashlib.sha256(picture(2)).hexdigest()


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("100097.jpg", "100097"),
        ("WikiArt/realism/100097.PNG", "100097"),
        ("Мона Лиза (1503).jpg", "Мона_Лиза_1503_"),
        ("神奈川沖浪裏.jpg", "神奈川沖浪裏"),
        ("हिन्दी.png", "हिन्दी"),
        (unicodedata.normalize("NFD", "Cézanne.jpg"), "Cézanne"),
        ("a...b.png", "a_b"),
        ("_whole.png", "whole"),
        ("-rf.png", "rf"),
        ("bytes\udcff.png", "bytes_"),
        ("!!!.png", ""),
    ],
)
def test_ids(path, key):
    assert painting_id(path) == key


@given(st.text(st.characters(exclude_characters="/\x00"), min_size=1, max_size=30))
def test_ids_are_safe_and_stable(stem):
    key = painting_id(f"{stem}.png")
    assert all(c in "._-" or unicodedata.category(c)[0] in "LMN" for c in key)
    assert ".." not in key and not key.startswith((".", "_", "-"))
    assert not key or painting_id(f"{key}.png") == key


def test_names_that_cannot_be_ids(shelf, picture):
    files = {"!!!.png": picture(), "x" * (LONGEST_ID + 1) + ".png": picture(1)}
    table = build_catalogue(shelf(files).source()).catalogue
    assert set(table["status"]) == {"quarantined"}
    assert all("rename" in reason for reason in table["reason"])


def test_names_that_are_no_text_can_be_stored(shelf, picture):
    build = build_catalogue(shelf({"\udcff.png": b"", "a\udcff.png": picture()}).source())
    assert len(from_parquet(to_parquet(build.catalogue))) == 2
    str(sorted(build.stamps)).encode()


CSV = """\
artist,date,genre,pixelsx,pixelsy,size_bytes,source,style,title,artist_group,in_train,new_filename
Édouard Manet,1874,genre,9,9,9,x.jpg, Impressionism ,"Family, in ""Argenteuil\""",t,True,1.png
Илья Репин,,portrait,9,9,9,,Realism,Бурлаки,t,True,2.jpg
Somebody,,,,,,,Cubism,Not there,t,True,99.jpg
"""


def test_csv(shelf, picture):
    files = {"1.png": picture(1), "2.png": picture(2), "3.png": picture(3)}
    build = build_catalogue(shelf(files, ("\ufeff" + CSV).encode()).source())
    table = build.catalogue.set_index("id")
    assert table.loc["1", "artist"] == "Édouard Manet"
    assert table.loc["1", "title"] == 'Family, in "Argenteuil"'
    assert table.loc["1", "style"] == "Impressionism"
    assert table.loc["2", "title"] == "Бурлаки"  # 2.jpg in the CSV, 2.png on the disk
    assert (table.loc["3", ["artist", "title", "style", "genre", "date", "source"]] == "").all()
    assert build.counts.csv_rows_without_picture == 1
    assert build.counts.pictures_without_csv_row == 1


@pytest.mark.parametrize(
    ("csv", "part"), [(b"artist,title\na,b\n", "new_filename"), (b"\xff\xfe,\n", "UTF-8")]
)
def test_wrong_csv(shelf, picture, csv, part):
    with pytest.raises(SettingsError, match=part):
        build_catalogue(shelf({"1.png": picture()}, csv).source())


def test_changed_csv_needs_no_decoding(shelf, picture, decoded):
    files = shelf({"1.png": picture()}, CSV.encode())
    first = build_catalogue(files.source())
    files.csv = CSV.replace("Impressionism", "Realism").encode()
    decoded.clear()
    second = build_catalogue(files.source(), first.catalogue, first.stamps)
    assert decoded == [] and second.catalogue.loc[0, "style"] == "Realism"


def test_without_csv_the_folder_is_the_style(shelf, picture):
    files = {"WikiArt/realism/1.png": picture(1), "2.png": picture(2)}
    table = build_catalogue(shelf(files).source()).catalogue.set_index("id")
    assert table["style"].to_dict() == {"1": "realism", "2": ""}


def test_rows_are_sorted_by_id_and_survive_parquet(shelf, picture):
    files = {f"{name}.png": picture(n) for n, name in enumerate(["b", "a", "Ω", "10", "9"])}
    table = build_catalogue(shelf(files, CSV.encode()).source()).catalogue
    assert list(table["id"]) == sorted(table["id"])
    pd.testing.assert_frame_equal(from_parquet(to_parquet(table)), table)


def test_originals_are_copied_once_and_unchanged(shelf, picture, tmp_path):
    files = shelf({"x/Мона Лиза.png": picture(1), "2.png": picture(2), "bad.png": b"bad"})
    build = build_catalogue(files.source())
    lake = Lake(tmp_path)
    assert copy_pictures(files.source(), build.catalogue, lake) == (2, 0)
    assert lake.read("wikiart_paintings/Мона_Лиза.png") == picture(1)
    assert lake_name("x/Мона Лиза.png") == "Мона_Лиза.png"
    assert not lake.exists("wikiart_paintings/bad.png")

    files.reads.clear()
    assert copy_pictures(files.source(), build.catalogue, lake) == (0, 2)
    assert files.reads == []

    lake.write("wikiart_paintings/2.png", b"damaged")
    assert copy_pictures(files.source(), build.catalogue, lake) == (1, 1)
    assert lake.read("wikiart_paintings/2.png") == picture(2)


def test_a_picture_that_changed_meanwhile_is_not_copied(shelf, picture, tmp_path):
    files = shelf({"1.png": picture(1)})
    build = build_catalogue(files.source())
    files.files["1.png"] = picture(2)
    with pytest.raises(PaintingError, match=r"1\.png changed"):
        copy_pictures(files.source(), build.catalogue, Lake(tmp_path))
    assert not Lake(tmp_path).exists("wikiart_paintings/1.png")


def test_the_embedded_sample():
    from pathlib import Path

    from deepart_assets.settings import load_settings
    from deepart_assets.wikiart.selection import select_sr
    from deepart_assets.wikiart.sources import open_source
    from deepart_assets.wikiart.styles import filter_styles

    settings = load_settings("sample")
    source = open_source(settings.wikiart.source, Path("unused"))
    build = build_catalogue(source)
    assert build.counts.ok == build.counts.pictures == 14
    assert build.counts.csv_rows_without_picture == build.counts.pictures_without_csv_row == 0
    assert source.csv is not None
    facts = pd.read_csv(io.BytesIO(source.csv), dtype=str).set_index("new_filename")
    for row in build.catalogue.itertuples():
        assert facts.loc[row.file, "pixelsx"] == str(row.width)
        assert facts.loc[row.file, "pixelsy"] == str(row.height)
    assert len(filter_styles(build.catalogue, settings.styled_paintings)) == 14
    selected = select_sr(build.catalogue, settings.super_resolution.data_set)
    assert selected["split"].value_counts().to_dict() == {"train": 9, "valid": 2, "test": 3}
