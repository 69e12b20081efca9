"""Each painting is measured once, whatever happens in between."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.settings.places import PROJECT
from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.sr import measuring
from deepart_assets.wikiart.sr.measuring import MEASURES, measure_paintings
from deepart_assets.wikiart.sr.quality import measure
from deepart_assets_tests.wikiart.scans import field, framed

PICTURES = {f"p{n}.png": field(200, 160, 1.5, seed=n) for n in range(6)}


def candidates(names=tuple(PICTURES)) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [name[:2] for name in names], "file": names, "width": 160, "height": 200}
    ).assign(sha256=[f"hash of {name}" for name in names])


class Originals:
    def __init__(self, pictures=PICTURES):
        self.pictures = pictures
        self.read: list[str] = []

    def __call__(self, file: str) -> np.ndarray:
        self.read.append(file)
        if file not in self.pictures:
            raise PaintingError(f"{file} is damaged")
        return self.pictures[file]


def test_measures_are_those_of_the_picture_without_its_borders():
    painting = PICTURES["p0.png"]
    framed_one = framed(painting, (10, 12, 14, 16), (250, 250, 250))
    table, _ = measure_paintings(candidates(("p0.png",)), Originals({"p0.png": framed_one}))
    (row,) = table.to_dict("records")
    assert [row[side] for side in measuring.BOX] == [10, 12, 170, 212]
    assert row["fault"] == "" and row["id"] == "p0"
    expected = measure(painting)
    assert row["score"] == expected.score and row["resolution"] == expected.resolution


def kept(lake: Lake) -> StampedCache:
    return StampedCache(lake, MEASURES, measuring.VERSION)


def test_nothing_is_measured_twice_and_a_new_painting_costs_itself(tmp_path):
    lake = Lake(tmp_path)
    first, decoded = measure_paintings(candidates(tuple(PICTURES)[:5]), Originals(), lake)
    assert decoded == 5 and len(kept(lake)) == 5
    originals = Originals()
    stamp = lake.stamp(MEASURES)
    again, decoded = measure_paintings(candidates(tuple(PICTURES)[:5]), originals, lake)
    assert decoded == 0 and originals.read == [] and lake.stamp(MEASURES) == stamp
    pd.testing.assert_frame_equal(first, again)
    more, decoded = measure_paintings(candidates(), originals, lake)
    assert decoded == 1 and originals.read == ["p5.png"] and len(kept(lake)) == 6
    pd.testing.assert_frame_equal(more[:5], first)


def test_measures_of_another_version_or_of_anything_else_are_dropped(tmp_path, monkeypatch):
    lake = Lake(tmp_path)
    lake.write(MEASURES, b"PAR1 damaged PAR1")
    assert measure_paintings(candidates(), Originals(), lake)[1] == 6
    monkeypatch.setattr(measuring, "VERSION", "another")
    assert measure_paintings(candidates(), Originals(), lake)[1] == 6


def test_a_bad_picture_stops_no_other_and_is_tried_again(tmp_path):
    lake = Lake(tmp_path)
    names = ("p0.png", "bad.png", "tiny.png")
    originals = Originals({**PICTURES, "tiny.png": np.zeros((90, 300, 3), np.uint8)})
    table, _ = measure_paintings(candidates(names), originals, lake)
    faults = table["fault"].tolist()
    assert faults[:2] == ["", "bad.png is damaged"] and "less than 128 pixels" in faults[2]
    originals.pictures["bad.png"] = PICTURES["p1.png"]
    table, decoded = measure_paintings(candidates(names), originals, lake)
    assert decoded == 2 and table["fault"].tolist()[:2] == ["", ""]


def test_pictures_in_memory_are_bounded(monkeypatch):
    monkeypatch.setattr(measuring, "PIXELS_AT_A_TIME", 2 * 160 * 200)
    inside, most, lock = 0, 0, threading.Lock()

    def read(file: str) -> np.ndarray:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.05)
        with lock:
            inside -= 1
        return PICTURES[file]

    measure_paintings(candidates(), read)
    assert most == 2


def test_what_was_measured_is_kept_when_the_disk_fails(tmp_path):
    def read(file: str) -> np.ndarray:
        if file == "p3.png":
            raise OSError("no such disk")
        return PICTURES[file]

    lake = Lake(tmp_path)
    with pytest.raises(OSError, match="no such disk"):
        measure_paintings(candidates(), read, lake)
    assert len(kept(lake)) == 3 and all(kept(lake).get(f"p{n}.png") for n in range(3))


CHILD = """
import sys, time
from deepart_assets.storage import Lake, stamped_cache
from deepart_assets_tests.wikiart import test_measuring as tests
stamped_cache.SAVE_SECONDS = 0
def read(file):
    if file == "p4.png":
        time.sleep(300)
    return tests.PICTURES[file]
tests.measure_paintings(tests.candidates(), read, Lake(sys.argv[1]))
"""


def test_a_killed_process_loses_little(tmp_path):
    lake = Lake(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], cwd=PROJECT)
    try:
        deadline = time.monotonic() + 60
        while len(kept(lake)) < 4:
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    finally:
        child.kill()
    originals = Originals()
    _, decoded = measure_paintings(candidates(), originals, lake)
    assert decoded == 2 and sorted(originals.read) == ["p4.png", "p5.png"]
