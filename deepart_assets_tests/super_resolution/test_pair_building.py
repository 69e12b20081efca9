"""Pairs are made once: the unchanged stay, the unlisted go, a kill loses nothing."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.settings.super_resolution import Pairs
from deepart_assets.storage import Lake, MaterializationStore, Provenance, materialize_if_stale
from deepart_assets.storage.records import attempt
from deepart_assets.super_resolution.data.alignment import shift
from deepart_assets.super_resolution.data.degradation import area_jpeg_reduce, lr_hr_pair
from deepart_assets.super_resolution.data.pair_building import (
    Original,
    build_pairs,
    remove_unlisted,
)
from deepart_assets.super_resolution.data.pair_files import MANIFEST, PAIRS, open_pairs, pair_path

from .pictures import texture

CHOICE = Pairs(hr_side=64)
SPLITS = ["train", "train", "valid", "test"]


class Workshop:
    """A lake with originals; counts which of them are read."""

    def __init__(self, root):
        self.lake = Lake(root)
        self.store = MaterializationStore(self.lake)
        self.read_now = []
        self.originals = [self.add(f"p{n}", split, n) for n, split in enumerate(SPLITS)]

    def add(self, id, split, seed, height=80, width=100):
        picture = texture(height, width, seed)
        file = self.lake.write(f"wikiart_paintings/{id}.png", encode_png(picture))
        return Original(id, split, file.path, file.sha256, (0, 0, width, height))

    def read(self, path):
        self.read_now.append(path.split("/")[1].removesuffix(".png"))
        return decode_rgb(self.lake.read(path), path)

    def build(self, choice=CHOICE, version="1"):
        """Build and record, as the asset does; return the record and which paintings were read."""
        self.read_now = []
        tried = attempt(self.store.done(PAIRS))
        recipe = Provenance(version, inputs={"data": repr(self.originals), "attempt": str(tried)})
        record, _ = materialize_if_stale(
            self.store,
            PAIRS,
            recipe,
            lambda: build_pairs(self.store, self.originals, choice, self.read),
        )
        return record, sorted(self.read_now)

    def manifest(self):
        return self.lake.read_json(MANIFEST)

    def pictures(self):
        return [
            path
            for split in ("train", "valid", "test")
            for kind in ("hr", "lr")
            for path in self.lake.list(f"{PAIRS}/{split}/{kind}")
        ]


@pytest.fixture(params=["local", "far"])
def anywhere(request, tmp_path):
    """On this disk, and on a file system that is not (fsspec's, in memory)."""
    return Workshop(tmp_path / "lake" if request.param == "local" else f"memory:/{tmp_path}")


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path / "lake")


def test_the_pairs_are_those_of_their_originals(anywhere, tmp_path):
    record, read = anywhere.build()
    assert read == ["p0", "p1", "p2", "p3"]
    assert [row["id"] for row in anywhere.manifest()] == ["p0", "p1", "p2", "p3"]
    assert [row["split"] for row in anywhere.manifest()] == SPLITS
    assert record.path == MANIFEST
    assert {file.path for file in record.files} == {MANIFEST, *anywhere.pictures()}
    shifts = []
    for number, pair in enumerate(open_pairs(anywhere.lake, anywhere.manifest(), tmp_path / "c")):
        lr, hr = lr_hr_pair(texture(80, 100, number), 64)
        assert np.array_equal(pair.hr, hr)
        assert np.array_equal(pair.lr, lr)
        shifts.append(shift(lr, hr))
    figures = record.figures
    assert (figures["pairs"], figures["made_now"], figures["reused"]) == (4, 4, 0)
    assert (figures["train"], figures["valid"], figures["test"]) == (2, 1, 1)
    assert figures["largest_shift"] == round(max(shifts), 3)
    assert figures["preview"].startswith("data:image/")
    assert figures["left_out"] is None


def test_only_the_content_box_is_used(workshop, tmp_path):
    workshop.originals = [replace(workshop.originals[0], box=(8, 4, 92, 70))]
    workshop.build()
    (pair,) = open_pairs(workshop.lake, workshop.manifest(), tmp_path)
    assert np.array_equal(pair.hr, lr_hr_pair(texture(80, 100, 0)[4:70, 8:92], 64)[1])


def test_the_degradation_is_the_settings(workshop, tmp_path):
    workshop.build(Pairs(hr_side=64, degradation="area_jpeg"))
    for pair in open_pairs(workshop.lake, workshop.manifest(), tmp_path):
        assert np.array_equal(pair.lr, area_jpeg_reduce(np.asarray(pair.hr)))


def test_unchanged_pairs_are_not_made_again(anywhere):
    first, _ = anywhere.build()
    assert anywhere.build() == (first, [])
    anywhere.originals.append(anywhere.add("p9", "train", 9))
    second, read = anywhere.build()
    assert read == ["p9"]
    assert (second.figures["made_now"], second.figures["reused"]) == (1, 4)
    assert second.data_version != first.data_version


def test_a_changed_painting_alone_is_made_again(workshop):
    workshop.build()
    workshop.originals[1] = workshop.add("p1", "train", seed=50)
    assert workshop.build()[1] == ["p1"]
    workshop.originals[2] = replace(workshop.originals[2], box=(0, 0, 96, 80))
    assert workshop.build()[1] == ["p2"]


def test_other_settings_make_all_again(workshop):
    workshop.build()
    assert len(workshop.build(Pairs(hr_side=72), version="2")[1]) == 4


@pytest.mark.parametrize("damage", ["lost", "altered"])
def test_a_damaged_picture_alone_is_made_again(workshop, damage):
    first, _ = workshop.build()
    path = pair_path("valid", "lr", "p2")
    data = workshop.lake.read(path)
    if damage == "lost":
        workshop.lake.remove(path)
    else:
        workshop.lake.write(path, data[:-1] + bytes([data[-1] ^ 1]))
    second, read = workshop.build()
    assert read == ["p2"]
    assert workshop.lake.read(path) == data
    assert second.data_version == first.data_version


def test_old_files_go_after_the_new_set_is_recorded_and_not_before(workshop):
    workshop.build()
    assert remove_unlisted(workshop.store) == []
    before = set(workshop.pictures())
    workshop.originals[0] = replace(workshop.originals[0], split="test")
    del workshop.originals[1]
    workshop.build()
    assert before < set(workshop.pictures()), "what may be in use is still there"
    removed = remove_unlisted(workshop.store)
    assert sorted(removed) == sorted(
        pair_path("train", kind, id) for id in ("p0", "p1") for kind in ("hr", "lr")
    )
    record = workshop.store.done(PAIRS)
    assert {MANIFEST, *workshop.pictures()} == {file.path for file in record.files}
    assert workshop.store.keys(PAIRS) == ["_whole", "p0", "p2", "p3"]
    assert workshop.build()[1] == [], "nothing in use was removed"


def test_nothing_is_removed_without_a_recorded_set(workshop):
    build_pairs(workshop.store, workshop.originals, CHOICE, workshop.read)  # and no record
    assert remove_unlisted(workshop.store) == []
    assert len(workshop.pictures()) == 8


def test_a_bad_painting_is_left_out_and_tried_again(workshop):
    good = workshop.lake.read("wikiart_paintings/p1.png")
    workshop.lake.write("wikiart_paintings/p1.png", good[:500])
    workshop.originals[2] = replace(workshop.originals[2], box=(0, 0, 101, 80))
    record, _ = workshop.build()
    assert [row["id"] for row in workshop.manifest()] == ["p0", "p3"]
    reasons = {row["painting"]: row["reason"] for row in record.figures["left_out"]}
    assert "wikiart_paintings/p1.png cannot be decoded" in reasons["p1"]
    assert "100×80" in reasons["p2"]
    for _ in range(2):
        assert workshop.build()[1] == ["p1", "p2"], "each run tries the bad ones, and only them"
    workshop.lake.write("wikiart_paintings/p1.png", good)
    workshop.originals[2] = replace(workshop.originals[2], box=(0, 0, 100, 80))
    record, read = workshop.build()
    assert read == ["p1", "p2"]
    assert record.figures["left_out"] is None
    assert workshop.build() == (record, []), "nothing is left to try"


def test_a_painting_that_became_bad_takes_its_old_pair_with_it(workshop):
    workshop.build()
    workshop.originals[1] = replace(workshop.originals[1], sha256="0" * 64)
    workshop.lake.write("wikiart_paintings/p1.png", b"no picture any more")
    workshop.build()
    assert sorted(remove_unlisted(workshop.store)) == [
        pair_path("train", "hr", "p1"),
        pair_path("train", "lr", "p1"),
    ]


def test_when_all_are_bad_the_stage_fails(workshop):
    def read(path):
        raise PaintingError(f"{path} is missing")

    with pytest.raises(UnavailableError, match=r"none of the 4 .* p0.*p0\.png is missing"):
        build_pairs(workshop.store, workshop.originals, CHOICE, read)


def test_a_full_disk_is_no_fault_of_a_painting(workshop):
    def read(path):
        if path.endswith("p2.png"):
            raise OSError(28, "No space left on device")
        return workshop.read(path)

    with pytest.raises(OSError, match="No space left"):
        build_pairs(workshop.store, workshop.originals, CHOICE, read)
    assert pair_path("train", "hr", "p0") in workshop.pictures(), "what was made stays"
    assert pair_path("valid", "hr", "p2") not in workshop.pictures()


def test_progress_is_told_now_and_then(workshop, monkeypatch):
    lines = []
    build_pairs(workshop.store, workshop.originals, CHOICE, workshop.read, lines.append)
    assert lines == []  # it was too quick
    monkeypatch.setattr("deepart_assets.progress.REPORT_SECONDS", 0.0)
    build_pairs(workshop.store, workshop.originals, CHOICE, workshop.read, lines.append)
    assert [line.split(";")[0] for line in lines] == [f"lr_hr_pairs {n + 1}/4" for n in range(4)]


SLOW_BUILD = """
import sys, time
from deepart_assets_tests.super_resolution.test_pair_building import CHOICE, Workshop
from deepart_assets.super_resolution.data.pair_building import build_pairs
workshop = Workshop(sys.argv[1])
workshop.originals += [workshop.add(f"q{n}", "train", n) for n in range(40)]
def read(path):
    time.sleep(0.1)
    return workshop.read(path)
build_pairs(workshop.store, workshop.originals, CHOICE, read)
"""


def test_a_killed_run_keeps_what_it_made(tmp_path):
    root = tmp_path / "lake"
    process = subprocess.Popen([sys.executable, "-c", SLOW_BUILD, str(root)])
    store = MaterializationStore(Lake(root))
    deadline = time.monotonic() + 60
    while len(store.keys(PAIRS)) < 3 and time.monotonic() < deadline:
        assert process.poll() is None, "it must not end before it is killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    made = {key for key in store.keys(PAIRS) if store.done(PAIRS, key)}
    assert 3 <= len(made) < 44
    for key in made:
        assert all(store.lake.checked(file) for file in store.get(PAIRS, key).files)
    assert store.get(PAIRS) is None
    assert not store.lake.exists(MANIFEST), "no list before all is made"

    workshop = Workshop(root)
    workshop.originals += [workshop.add(f"q{n}", "train", n) for n in range(40)]
    record, read = workshop.build()
    assert set(read) == {original.id for original in workshop.originals} - made
    assert record.figures["pairs"] == 44
    assert record.figures["reused"] == len(made)
