"""Every odd picture becomes sRGB with 8 bits or is set apart with a reason; none is altered."""

import numpy as np
import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile, decode_rgb, hamming, hash_to_hex, perceptual_hash
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart.catalogue import build_catalogue, from_parquet, to_parquet
from deepart_assets.wikiart.naming import WIKIART, folder_id, painting_id, shown, stem_and_suffix
from deepart_assets.wikiart.originals import copy_originals
from deepart_assets_tests.wikiart.corpus import odd_pictures
from deepart_assets_tests.wikiart.odd import Odd

pytestmark = pytest.mark.filterwarnings("ignore:Corrupt EXIF data")

CORPUS = odd_pictures()
BY_NAME_OR_RULE = ("id", "same bytes", "rename", "transparent", "on a side")
"""Parts of reasons that the catalogue has and the decoder has not."""

JPEGS = ("plain.jpg", "progressive.jpg", "restarts.jpg", "grey.jpg", "cmyk.jpg")


@pytest.fixture(scope="module")
def catalogued(shelf, tmp_path_factory):
    source = shelf({odd.path: odd.data for odd in CORPUS}).source()
    lake = Lake(tmp_path_factory.mktemp("lake"))
    build, _ = copy_originals(build_catalogue([source]), lake)
    rows = build.catalogue.to_dict("records")
    by_path = {p.path: row for p, row in zip(build.pictures, rows, strict=True)}
    return build, by_path, lake


def test_the_corpus_is_large_and_each_file_another():
    assert len(CORPUS) >= 150
    assert len({odd.path for odd in CORPUS}) == len(CORPUS)
    assert len({odd.data for odd in CORPUS}) == len(CORPUS) - 1  # the one that is there twice


@pytest.mark.parametrize("odd", CORPUS, ids=lambda odd: ascii(odd.path[:40]))
def test_odd_picture(odd: Odd, catalogued):
    _, by_path, lake = catalogued
    row = by_path[odd.path]
    assert row["source"] == "shelf"
    if odd.reason:
        assert row["status"] == "quarantined"
        assert odd.reason in row["reason"]
        assert row["reason"].startswith(shown(odd.path)) and ": " in row["reason"]
        assert "0x" not in row["reason"]
        if not any(part in row["reason"] for part in BY_NAME_OR_RULE):
            with pytest.raises(PaintingError) as caught:
                decode_rgb(odd.data, shown(odd.path))
            assert str(caught.value) == row["reason"]
        return
    assert row["reason"] == "" and row["status"] == "ok"
    decoded = decode_rgb(odd.data, odd.path)
    assert decoded.dtype == np.uint8 and decoded.shape == odd.picture.shape
    assert (row["height"], row["width"]) == decoded.shape[:2]
    height, width = decoded.shape[:2]
    for down in (height // 4, 3 * height // 4):
        for right in (width // 4, 3 * width // 4):
            found, wanted = decoded[down, right].astype(int), odd.picture[down, right].astype(int)
            assert np.abs(found - wanted).max() <= odd.tolerance, (found, wanted)
    # The inspection's hash, of a reduced decoding, is that of the whole picture.
    assert hamming(int(row["phash"], 16), perceptual_hash(decoded)) <= 6
    assert row["sha256"] == sha256_of(odd.data)
    named_by = folder_id if odd.path.startswith("clash/") else painting_id
    assert row["file"] == named_by(odd.path) + stem_and_suffix(odd.path)[1]
    assert lake.read(f"{WIKIART.folder}/{row['file']}") == odd.data


def test_nothing_else_is_in_the_lake(catalogued):
    build, _, lake = catalogued
    ok = build.catalogue[build.catalogue["status"] == "ok"]
    held = set(lake.stamps(WIKIART.folder))
    assert held - {"copies.jsonl"} == set(ok["file"])
    assert ok["id"].str.casefold().is_unique and ok["sha256"].is_unique


def test_the_table_survives_parquet_and_a_second_build_is_the_same(catalogued, shelf):
    build, _, _ = catalogued
    data = to_parquet(build.catalogue)
    assert to_parquet(from_parquet(data)) == data
    again = build_catalogue(
        [shelf({odd.path: odd.data for odd in CORPUS}).source()],
        build.catalogue,
        build.inspection_cache,
    )
    assert to_parquet(again.catalogue) == data
    assert again.decoded == 0


def test_what_the_look_finds_is_what_decoding_finds(catalogued):
    """Cut anywhere, a JPEG is refused by both, though one of them leaves out most of the work."""
    random = np.random.default_rng(0)
    whole = [odd for odd in CORPUS if odd.path[4:] in JPEGS]
    for odd in whole:
        for cut in random.integers(1, len(odd.data) - 2, 40).tolist():  # all but its end marker
            for way in (PictureFile.rgb, _reduced):
                assert not _is_decoded(odd.data[:cut], way), (odd.path, cut)


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_damaged_is_told_in_one_way_and_both_ways_of_decoding_agree():
    """A few bytes altered anywhere: a picture, or a PaintingError, and nothing else."""
    random = np.random.default_rng(1)
    outcomes = set()
    for odd in CORPUS:
        if not 20 < len(odd.data) < 20_000:
            continue
        for reach in (200, len(odd.data)):
            data = np.frombuffer(odd.data, np.uint8).copy()
            places = random.integers(0, min(reach, len(data)), 4)
            data[places] = random.integers(0, 256, 4)
            found = [_is_decoded(data.tobytes(), way) for way in (PictureFile.rgb, _reduced)]
            assert found[0] == found[1], odd.path
            outcomes.add(found[0])
    assert outcomes == {True, False}


def _is_decoded(data, way):
    try:
        way(PictureFile(data, "x"))
    except PaintingError as error:
        assert str(error).startswith("x ") and " at 0x" not in str(error)
        return False
    return True


def _reduced(file):
    return file.reduced(16)


def test_hashes_are_sixteen_digits(catalogued):
    build, _, _ = catalogued
    ok = build.catalogue[build.catalogue["status"] == "ok"]
    assert ok["phash"].str.fullmatch(r"[0-9a-f]{16}").all()
    assert hash_to_hex(0) == "0" * 16
