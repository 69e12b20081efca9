"""Outputs of delisted paintings move aside and back, even if a move is interrupted."""

import itertools
import json

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from deepart_assets.errors import SkipPainting
from deepart_assets.storage import (
    MaterializationStore,
    Provenance,
    StageResult,
    materialize_if_stale,
)
from deepart_assets.storage.delisted import bring_back, set_aside
from deepart_assets_tests.storage.crashing_lake import Crashing, Killed

ASSETS = ["masks", "upscaled"]
KEYS = ["1", "2", "3"]
GONE = ["1", "3"]


@pytest.fixture(params=["folder", "bucket"])
def lakes(request, tmp_path):
    """Returns a function that creates a lake with the outputs of three paintings."""
    numbers = itertools.count()

    def filled():
        name = f"{tmp_path.name}/{next(numbers)}"
        lake = Crashing(tmp_path / name if request.param == "folder" else f"memory://{name}")
        store = MaterializationStore(lake)
        for key in KEYS:
            make(store, "masks", key, {f"masks/{key}.png": key.encode() * 3})
            files = {f"upscaled/{key}{n}.png": f"{key}{n}".encode() for n in ("", ".1")}
            make(store, "upscaled", key, files if key != "3" else SkipPainting("no subject"))
        return lake

    yield filled
    MemoryFileSystem.store.clear()


def make(store, asset, key, files, version="1"):
    def work():
        if isinstance(files, Exception):
            raise files
        return StageResult(files)

    return materialize_if_stale(store, asset, Provenance(version), work, key=key)


def content(lake):
    """All files by path."""
    paths = lake._fs.find(lake._root)
    found = {path.split(f"{lake._root}/", 1)[1]: lake._fs.cat_file(path) for path in paths}
    return {path: data for path, data in found.items() if not path.endswith(".lock")}


def calls(store):
    return {
        "away": lambda: set_aside(store, ASSETS, ["2"]),
        "back": lambda: bring_back(store, ASSETS, KEYS),
    }


def test_away_and_back(lakes):
    lake = lakes()
    before = content(lake)
    work = calls(MaterializationStore(lake))
    assert work["away"]() == GONE
    away = content(lake)
    assert away.keys() == {
        path if path.rsplit("/", 1)[1][0] == "2" else f"withdrawn/{path}" for path in before
    }
    assert work["away"]() == [] and content(lake) == away
    assert work["back"]() == GONE
    assert content(lake) == before
    assert work["back"]() == [] and content(lake) == before


@pytest.mark.parametrize("then", ["again", "the other way"])
@pytest.mark.parametrize("first", ["away", "back"])
def test_the_next_call_completes_an_interrupted_one(lakes, first, then):
    """Interrupted after each write in turn, it neither loses nor duplicates a file."""
    other = {"away": "back", "back": "away"}[first]
    for cut in itertools.count():
        lake = lakes()
        work = calls(MaterializationStore(lake))
        states = {"back": content(lake)}
        work["away"]()
        states["away"] = content(lake)
        if first == "away":
            work["back"]()
        everything = {path.removeprefix("withdrawn/") for path in states["back"]}
        lake.lives[0] = cut
        try:
            work[first]()
        except Killed:
            lake.lives[0] = 10**9
        else:
            break
        there = content(lake)
        assert {path.removeprefix("withdrawn/") for path in there} - {"moving.json"} == everything
        if then == "again":
            work[first]()
            assert content(lake) == states[first]
        else:
            work[other]()
            assert content(lake) == states[other]
    assert cut >= 12, "each file and each record is one write"


def test_a_newer_output_is_kept_and_replaces_the_one_set_aside(lakes):
    lake = lakes()
    store = MaterializationStore(lake)
    set_aside(store, ASSETS, ["2"])
    make(store, "upscaled", "1", {"upscaled/1.png": b"new"}, version="2")
    assert bring_back(store, ASSETS, ["1"]) == ["1"]  # only its mask
    assert lake.read("upscaled/1.png") == b"new" and lake.exists("masks/1.png")
    set_aside(store, ASSETS, ["2"])
    kept = {path for path in content(lake) if path.startswith("withdrawn/upscaled/1")}
    assert kept == {"withdrawn/upscaled/1.png"}, "no file of the older output is left"
    assert lake.read("withdrawn/upscaled/1.png") == b"new"
    record = json.loads(lake.read("withdrawn/records/upscaled/1.json"))
    assert record["provenance"]["code_version"] == "2"
