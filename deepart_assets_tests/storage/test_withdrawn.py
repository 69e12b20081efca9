"""What leaves the list is kept aside and comes back, wherever moving it is cut off."""

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
from deepart_assets.storage.withdrawn import bring_back, set_aside
from deepart_assets_tests.storage.crashing_lake import Crashing, Killed

ASSETS = ["masks", "upscaled"]
KEYS = ["1", "2", "3"]
GONE = ["1", "3"]


@pytest.fixture(params=["folder", "bucket"])
def lakes(request, tmp_path):
    """Makes lakes with the outputs of three paintings, each a fresh one."""
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
def test_wherever_it_is_cut_off_the_next_call_ends_it(lakes, first, then):
    """After every change of files: nothing is lost, nothing is there twice."""
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
    assert cut >= 12, "every file and every record is a place to be cut off"


def test_what_was_made_again_wins_and_replaces_what_was_set_aside(lakes):
    lake = lakes()
    store = MaterializationStore(lake)
    set_aside(store, ASSETS, ["2"])
    make(store, "upscaled", "1", {"upscaled/1.png": b"anew"}, version="2")
    assert bring_back(store, ASSETS, ["1"]) == ["1"]  # its mask alone
    assert lake.read("upscaled/1.png") == b"anew" and lake.exists("masks/1.png")
    set_aside(store, ASSETS, ["2"])
    kept = {path for path in content(lake) if path.startswith("withdrawn/upscaled/1")}
    assert kept == {"withdrawn/upscaled/1.png"}, "nothing of the earlier one is left"
    assert lake.read("withdrawn/upscaled/1.png") == b"anew"
    record = json.loads(lake.read("withdrawn/records/upscaled/1.json"))
    assert record["provenance"]["code_version"] == "2"
