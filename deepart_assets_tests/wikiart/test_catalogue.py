"""The rows of the catalogue: names, kaggle_csv, bad pictures."""

import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.asset_names import candidate_path
from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    from_parquet,
    to_parquet,
)
from deepart_assets.wikiart.examine import INSPECTION_VERSION
from deepart_assets.wikiart.naming import LONGEST_ID, painting_id
from deepart_assets.wikiart.styles import with_inbox


def _bytes(image: Image.Image, form: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def _noise(height=20, width=30) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


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
    build = build_catalogue([shelf(files).source()])
    bad = build.catalogue[build.catalogue["status"] == "quarantined"]
    assert sorted(bad["file"]) == ["empty.jpg", "half.jpg", "half.png", "page.jpg"]
    assert all(row.file in row.reason and ":" in row.reason for row in bad.itertuples())
    assert (bad[["width", "height"]] == 0).all(axis=None)
    good = build.catalogue[build.catalogue["status"] == "ok"]
    assert sorted(good["file"]) == ["a_good.png", "z_good.png"] and set(good["reason"]) == {""}
    assert (len(build.catalogue), len(good), len(bad)) == (6, 2, 4)


def test_a_fault_of_the_decoder_does_not_end_the_build(shelf, picture, monkeypatch):
    from PIL import PngImagePlugin

    class Faulty(PngImagePlugin.PngImageFile):
        def load(self):
            if self.size == (31, 20):
                raise IndexError("beyond the table of <Some.object at 0x7f00>")
            return super().load()

    monkeypatch.setitem(Image.OPEN, "PNG", (Faulty, Image.OPEN["PNG"][1]))
    files = {"a.png": picture(), "b.png": _bytes(_noise(20, 31), "PNG")}
    build = build_catalogue([shelf(files).source()])
    assert (build.catalogue["status"] == "ok").sum() == 1
    reason = build.catalogue.set_index("id").loc["b", "reason"]
    assert "beyond the table" in reason and "0x" not in reason


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
        ("dot..png", "dot"),
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


@pytest.mark.parametrize("rank", [1, 12])
def test_no_painting_has_the_name_of_anothers_candidate(rank):
    path = candidate_path("telea_outpaintings", "29.100", rank)
    assert painting_id(path) != path.rsplit("/", 1)[1].removesuffix(".png")
    assert path != candidate_path("telea_outpaintings", f"29.100.{rank}", 0)


def test_names_that_cannot_be_ids(shelf, picture):
    files = {
        "!!!.png": picture(),
        "x" * (LONGEST_ID + 1) + ".png": picture(1),
        "v.Mask.png": picture(2),  # a result of that name is the mask of v
        "v.classes.png": picture(3),
    }
    table = build_catalogue([shelf(files).source()]).catalogue
    assert set(table["status"]) == {"quarantined"}
    assert all("rename" in reason for reason in table["reason"])


def test_names_that_are_no_text_can_be_stored(shelf, picture, tmp_path):
    lake, source = Lake(tmp_path), shelf({"\udcff.png": b"", "a\udcff.png": picture()}).source()
    cache = StampedCache(lake, "cache.jsonl", INSPECTION_VERSION)
    build = build_catalogue([source], inspection_cache=cache)
    assert len(from_parquet(to_parquet(build.catalogue))) == 2
    assert len(StampedCache(lake, "cache.jsonl", INSPECTION_VERSION)) == 1


def test_csv(shelf, picture, kaggle_csv):
    files = {"1.png": picture(1), "2.png": picture(2), "3.png": picture(3)}
    build = build_catalogue([shelf(files, ("\ufeff" + kaggle_csv).encode()).source()])
    table = build.catalogue.set_index("id")
    assert table.loc["1", "artist"] == "Édouard Manet"
    assert table.loc["1", "title"] == 'Family, in "Argenteuil"'
    assert table.loc["1", "style"] == "Impressionism"
    assert table.loc["2", "title"] == "Бурлаки"  # 2.jpg in the kaggle_csv, 2.png on the disk
    assert (table.loc["3", ["artist", "title", "style", "genre", "date"]] == "").all()
    assert build.csv_rows_without_picture == 1
    assert build.pictures_without_csv_row == 1


@pytest.mark.parametrize("column", ["subject", "prompt"])
def test_a_text_is_in_the_catalogue_where_a_csv_has_that_column(shelf, picture, column):
    words = f"new_filename,{column}\n".encode() + b'1.png,"the dog; a cat"\n2.png,\n'
    reported = shelf({"1.png": picture(1), "2.png": picture(2)}, words).source()
    untold = shelf({"3.png": picture(3)}, name="more").source()
    table = build_catalogue([reported, untold]).catalogue.set_index("id")
    assert table[column].to_dict() == {"1": "the dog; a cat", "2": "", "3": ""}
    kept = from_parquet(to_parquet(build_catalogue([untold]).catalogue))
    assert column not in kept
    listed, _ = with_inbox(kept, build_catalogue([reported]).catalogue)
    assert listed.set_index("id")[column].to_dict() == {"3": "", "1": "the dog; a cat", "2": ""}


@pytest.mark.parametrize(
    ("csv", "part"), [(b"artist,title\na,b\n", "new_filename"), (b"\xff,\n", "UTF-8")]
)
def test_a_wrong_csv_costs_no_picture(shelf, picture, csv, part):
    build = build_catalogue([shelf({"1.png": picture()}, csv).source()])
    assert list(build.catalogue["status"]) == ["ok"]
    assert part in " ".join(text for _, text in build.csv_warnings)


def test_without_csv_the_folder_is_the_style(shelf, picture):
    files = {"WikiArt/realism/1.png": picture(1), "2.png": picture(2)}
    table = build_catalogue([shelf(files).source()]).catalogue.set_index("id")
    assert table["style"].to_dict() == {"1": "realism", "2": ""}


def test_rows_are_sorted_by_id_and_survive_parquet(shelf, picture, kaggle_csv):
    files = {f"{name}.png": picture(n) for n, name in enumerate(["b", "a", "Ω", "10", "9"])}
    table = build_catalogue([shelf(files, kaggle_csv.encode()).source()]).catalogue
    assert list(table["id"]) == sorted(table["id"])
    pd.testing.assert_frame_equal(from_parquet(to_parquet(table)), table)


def test_the_embedded_sample(tmp_path):
    import logging

    from deepart_assets.settings import load_settings
    from deepart_assets.storage.downloads import Downloads
    from deepart_assets.wikiart.sources import open_sources

    choices = load_settings("sample").wikiart.sources
    downloads = Downloads(tmp_path, Lake(tmp_path / "lake"), logging.getLogger().info)
    sources = open_sources(choices, downloads)
    build = build_catalogue(sources)
    assert list(build.catalogue["status"]) == 14 * ["ok"]
    assert build.csv_rows_without_picture == build.pictures_without_csv_row == 0
    csv = next(source.csv for source in sources if source.csv is not None)
    facts = pd.read_csv(io.BytesIO(csv), dtype=str).set_index("new_filename")
    for row in build.catalogue.itertuples():
        assert facts.loc[row.file, "pixelsx"] == str(row.width)
        assert facts.loc[row.file, "pixelsy"] == str(row.height)
