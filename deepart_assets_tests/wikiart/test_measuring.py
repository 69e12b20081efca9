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
from deepart_assets.wikiart.catalogue import from_parquet
from deepart_assets.wikiart.sr import measuring
from deepart_assets.wikiart.sr.measuring import measure_paintings
from deepart_assets.wikiart.sr.quality import measure
from deepart_assets_tests.wikiart.scans import field, framed

PICTURES = {f"p{n}.png": field(200, 160, 1.5, seed=n) for n in range(6)}


def candidates(names=tuple(PICTURES)) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [name[:2] for name in names], "file": names, "width": 160, "height": 200}
    ).assign(sha256=[f"hash of {name}" for name in names])


class Shelf:
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
    table, _ = measure_paintings(candidates(("p0.png",)), Shelf({"p0.png": framed_one}))
    (row,) = table.to_dict("records")
    assert [row[side] for side in measuring.BOX] == [10, 12, 170, 212]
    assert row["fault"] == "" and row["id"] == "p0"
    expected = measure(painting)
    assert row["score"] == expected.score and row["resolution"] == expected.resolution


def test_nothing_is_measured_twice_and_a_new_painting_costs_itself():
    saved: list[pd.DataFrame] = []
    first, decoded = measure_paintings(candidates(tuple(PICTURES)[:5]), Shelf(), None, saved.append)
    assert decoded == 5
    shelf = Shelf()
    again, decoded = measure_paintings(
        candidates(tuple(PICTURES)[:5]), shelf, saved[-1], saved.append
    )
    assert decoded == 0 and shelf.read == [] and len(saved) == 1
    pd.testing.assert_frame_equal(first, again, check_dtype=False)
    more, decoded = measure_paintings(candidates(), shelf, saved[-1], saved.append)
    assert decoded == 1 and shelf.read == ["p5.png"] and len(saved[-1]) == 6
    pd.testing.assert_frame_equal(more[:5], first, check_dtype=False)


def test_measures_of_another_version_or_of_anything_else_are_dropped(monkeypatch):
    saved: list[pd.DataFrame] = []
    measure_paintings(candidates(), Shelf(), None, saved.append)
    assert measure_paintings(candidates(), Shelf(), pd.DataFrame({"a": [1]}))[1] == 6
    monkeypatch.setattr(measuring, "VERSION", measuring.VERSION + 1)
    assert measure_paintings(candidates(), Shelf(), saved[-1])[1] == 6


def test_a_bad_picture_stops_no_other_and_is_tried_again():
    saved: list[pd.DataFrame] = []
    names = ("p0.png", "bad.png", "tiny.png")
    shelf = Shelf({**PICTURES, "tiny.png": np.zeros((90, 300, 3), np.uint8)})
    table, _ = measure_paintings(candidates(names), shelf, None, saved.append)
    faults = table["fault"].tolist()
    assert faults[:2] == ["", "bad.png is damaged"] and "less than 128 pixels" in faults[2]
    shelf.pictures["bad.png"] = PICTURES["p1.png"]
    table, decoded = measure_paintings(candidates(names), shelf, saved[-1])
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


def test_what_was_measured_is_kept_when_the_disk_fails():
    saved: list[pd.DataFrame] = []

    def read(file: str) -> np.ndarray:
        if file == "p3.png":
            raise OSError("no such disk")
        return PICTURES[file]

    with pytest.raises(OSError, match="no such disk"):
        measure_paintings(candidates(), read, None, saved.append)
    assert saved[-1]["sha256"].tolist() == [f"hash of p{n}.png" for n in range(3)]


CHILD = """
import sys, time
from pathlib import Path
from deepart_assets_tests.wikiart import test_measuring as tests
from deepart_assets import work
from deepart_assets.wikiart.catalogue import to_parquet
work.SAVE_SECONDS = 0
def read(file):
    if file == "p4.png":
        time.sleep(300)
    return tests.PICTURES[file]
def save(table):
    part = Path(sys.argv[1] + ".part")
    part.write_bytes(to_parquet(table))
    part.replace(sys.argv[1])
tests.measure_paintings(tests.candidates(), read, None, save)
"""


def test_a_killed_process_loses_little(tmp_path):
    file = tmp_path / "measures.parquet"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(file)], cwd=PROJECT)
    try:
        deadline = time.monotonic() + 60
        while not file.exists() or len(from_parquet(file.read_bytes())) < 4:
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    finally:
        child.kill()
    shelf = Shelf()
    _, decoded = measure_paintings(candidates(), shelf, from_parquet(file.read_bytes()))
    assert decoded == 2 and sorted(shelf.read) == ["p4.png", "p5.png"]
