"""Pairs on the disk: plain files that are read without decoding, holding nothing open."""

import io
import pickle
import tempfile
import uuid
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.storage import Lake
from deepart_assets.super_resolution.data.pair_files import (
    MappedPicture,
    encode_tiff,
    open_pairs,
    pair_path,
)
from deepart_assets.super_resolution.data.pairs import Pair

from .pictures import random_crops, some_pairs, texture


def store(lake, pairs):
    """Write pairs and return the rows of their manifest."""
    rows = []
    for pair in pairs:
        files = {
            kind: lake.write(pair_path(pair.split, kind, pair.id), encode_tiff(pixels))
            for kind, pixels in (("hr", pair.hr), ("lr", pair.lr))
        }
        shas = {kind: file.sha256 for kind, file in files.items()}
        rows.append({"id": pair.id, "split": pair.split, **shas})
    return rows


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_both_pictures_of_a_pair_have_its_name():
    assert pair_path("train", "hr", "12.5_münchen") == "lr_hr_pairs/train/hr/12.5_münchen.tiff"
    assert Path(pair_path("test", "lr", "a")).name == Path(pair_path("test", "hr", "a")).name


def test_other_programs_read_the_files_without_loss():
    picture = texture(48, 70)
    data = encode_tiff(picture)
    assert np.array_equal(Image.open(io.BytesIO(data)), picture)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded[..., ::-1], picture)
    assert data == encode_tiff(picture.copy()), "equal pixels, equal bytes"


def test_crops_of_stored_pairs_are_those_of_pairs_in_memory(lake, tmp_path):
    pairs = some_pairs()
    stored = open_pairs(lake, store(lake, pairs), tmp_path / "cache")
    assert [(pair.id, pair.split) for pair in stored] == [(pair.id, pair.split) for pair in pairs]
    for one, other in zip(pairs, stored, strict=True):
        assert np.array_equal(one.lr, other.lr)
        assert np.array_equal(one.hr, other.hr)
    for seed in range(5):
        one, other = (
            random_crops(them, np.random.default_rng(seed), 8, 64, context=2)
            for them in (pairs, stored)
        )
        assert one[0].equal(other[0])
        assert one[1].equal(other[1])
    assert not (tmp_path / "cache").exists(), "a lake on this machine is read where it lies"


def test_stored_pairs_cannot_be_written_to(lake, tmp_path):
    pair = open_pairs(lake, store(lake, some_pairs()[:1]), tmp_path)[0]
    with pytest.raises(ValueError, match="read-only"):
        pair.hr[0, 0] = 0
    with pytest.raises(AttributeError):
        pair.hr = pair.lr
    lr, hr = random_crops([pair], np.random.default_rng(0), 2, 64)
    lr.zero_(), hr.zero_()
    assert pair.hr.any(), "crops are copies"


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux does")
def test_many_pairs_hold_no_file_open_and_pickle_small(lake, tmp_path):
    rows = store(lake, some_pairs()) * 300
    before = open_files()
    pairs = open_pairs(lake, rows, tmp_path)
    random_crops(pairs, np.random.default_rng(0), 64, 64)
    assert open_files() == before
    data = pickle.dumps(pairs[0])
    assert len(data) < 2000
    assert np.array_equal(pickle.loads(data).hr, pairs[0].hr)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_off_anywhere_is_named_with_the_remedy(data):
    whole = encode_tiff(texture(16, 20))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p1.tiff"
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(PaintingError, match=r"p1\.tiff .* materialize lr_hr_pairs again"):
            MappedPicture.of(file)


def test_a_file_cut_off_after_it_was_opened_is_named_with_the_remedy(lake, tmp_path):
    pair = open_pairs(lake, store(lake, some_pairs()[:1]), tmp_path)[0]
    path = pair_path(pair.split, "hr", pair.id)
    lake.write(path, lake.read(path)[:5000])
    with pytest.raises(PaintingError, match=r"train0\.tiff .* materialize lr_hr_pairs again"):
        _ = pair.hr
    lake.remove(path)
    with pytest.raises(PaintingError, match=r"train0\.tiff .* materialize lr_hr_pairs again"):
        _ = pair.hr


def other_files():
    picture = texture(16, 20)
    for name, pixels, options in (
        ("compressed", picture, {"compression": "zlib", "photometric": "rgb"}),
        ("16 bits", picture.astype(np.uint16), {"photometric": "rgb"}),
        ("grey", picture[..., 0], {}),
        ("planes", picture.transpose(2, 0, 1).copy(), {"photometric": "rgb"}),
    ):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, **options)
        yield pytest.param(buffer.getvalue(), id=name)
    yield pytest.param(cv2.imencode(".png", picture)[1].tobytes(), id="PNG")


@pytest.mark.parametrize("data", list(other_files()))
def test_another_kind_of_file_is_refused(data, tmp_path):
    file = tmp_path / "p1.tiff"
    file.write_bytes(data)
    with pytest.raises(PaintingError, match=r"p1\.tiff .* materialize lr_hr_pairs again"):
        MappedPicture.of(file)


def test_halves_that_do_not_fit_are_refused(lake, tmp_path):
    pair = some_pairs()[0]
    rows = store(lake, [pair])
    lake.write(pair_path("train", "lr", pair.id), encode_tiff(pair.hr))
    with pytest.raises(ValueError, match=r"train0: HR is .* must be 4 times"):
        open_pairs(lake, rows, tmp_path)


class TestFarLake:
    """A lake that is not on this machine's disk: fsspec's memory file system."""

    @pytest.fixture
    def far(self):
        return Lake(f"memory://lake-{uuid.uuid4().hex}")

    def test_pictures_are_fetched_once(self, far, tmp_path):
        pairs = some_pairs()
        rows = store(far, pairs)
        open_pairs(far, rows, tmp_path / "cache")
        for row in rows:
            for kind in ("hr", "lr"):
                far.remove(pair_path(row["split"], kind, row["id"]))
        again = open_pairs(far, rows, tmp_path / "cache")
        crops = random_crops(again, np.random.default_rng(1), 4, 64)
        assert crops[1].equal(random_crops(pairs, np.random.default_rng(1), 4, 64)[1])

    def test_a_new_version_is_not_taken_from_the_cache(self, far, tmp_path):
        old, new = some_pairs()[:2]
        open_pairs(far, store(far, [old]), tmp_path)
        renamed = Pair(old.id, old.split, new.lr, new.hr)
        (pair,) = open_pairs(far, store(far, [renamed]), tmp_path)
        assert np.array_equal(pair.hr, new.hr)

    def test_what_is_missing_or_altered_is_named_with_the_remedy(self, far, tmp_path):
        rows = store(far, some_pairs()[:1])
        path = pair_path("train", "hr", "train0")
        far.write(path, far.read(path)[:-1])
        with pytest.raises(PaintingError, match=r"hr/train0\.tiff .* materialize lr_hr_pairs"):
            open_pairs(far, rows, tmp_path)
        far.remove(path)
        with pytest.raises(PaintingError, match=r"missing .* materialize lr_hr_pairs"):
            open_pairs(far, rows, tmp_path)
