"""The lake's copies are the original bytes, and are made once."""

import time

import pytest

from deepart_assets.storage import Lake
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    unread,
)
from deepart_assets.wikiart.originals import copy_originals, lost_copies


@pytest.fixture(params=["folder", "memory"])
def lake(request, tmp_path):
    return Lake(tmp_path / "lake" if request.param == "folder" else f"memory://{tmp_path.name}")


class Reads:
    """Counts what is read of a lake's pictures."""

    def __init__(self, lake, monkeypatch):
        self.paths = []
        real = lake.read

        def read(path):
            if not path.endswith(".jsonl"):
                self.paths.append(path)
            return real(path)

        monkeypatch.setattr(lake, "read", read)


def test_originals_are_copied_once_and_unchanged(shelf, picture, lake, monkeypatch):
    files = shelf({"x/Мона Лиза.png": picture(1), "2.png": picture(2), "bad.png": b"bad"})
    build = build_catalogue([files.source()])
    assert copy_originals(build, lake)[1] == 2
    assert lake.read("wikiart_paintings/Мона_Лиза.png") == picture(1)
    assert not lake.exists("wikiart_paintings/bad.png")
    assert lost_copies(build.catalogue, lake) == []

    files.reads.clear()
    reads = Reads(lake, monkeypatch)
    assert copy_originals(build, lake)[1] == 0
    assert files.reads == [] and reads.paths == []  # neither the source nor the copies


@pytest.mark.parametrize("harm", ["removed", "shortened", "altered"])
def test_a_harmed_copy_is_made_again(shelf, picture, lake, monkeypatch, harm):
    files = shelf({f"{n}.png": picture(n) for n in range(4)})
    build = build_catalogue([files.source()])
    copy_originals(build, lake)
    path = "wikiart_paintings/2.png"
    if harm == "removed":
        lake.remove(path)
    else:
        data = picture(2)[:-20]
        time.sleep(0.02)
        lake.write(path, data if harm == "shortened" else data + b"x" * 20)
    assert lost_copies(build.catalogue, lake) == ["2.png"]
    reads = Reads(lake, monkeypatch)
    files.reads.clear()
    assert copy_originals(build, lake)[1] == 1
    assert files.reads == ["2.png"] and set(reads.paths) <= {path}
    assert lake.read(path) == picture(2)
    assert lost_copies(build.catalogue, lake) == []


def test_copies_without_their_cache_are_checked_and_kept(shelf, picture, lake, monkeypatch):
    files = shelf({f"{n}.png": picture(n) for n in range(3)})
    build = build_catalogue([files.source()])
    copy_originals(build, lake)
    lake.write("wikiart_paintings/copies.jsonl", b"damaged")
    assert len(lost_copies(build.catalogue, lake)) == 3
    files.reads.clear()
    assert copy_originals(build, lake)[1] == 0 and files.reads == []
    assert lost_copies(build.catalogue, lake) == []


def test_a_picture_that_changed_or_went_meanwhile_is_set_apart(shelf, picture, tmp_path):
    files = shelf({f"{n}.png": picture(n) for n in range(3)})
    build = build_catalogue([files.source()])
    files.files["1.png"] = picture(11)
    del files.files["2.png"]
    lake = Lake(tmp_path)
    kept, written = copy_originals(build, lake)
    assert written == 1 and sorted(lake.stamps("wikiart_paintings")) == ["0.png", "copies.jsonl"]
    reasons = kept.catalogue.set_index("id")["reason"]
    assert "1.png changed" in reasons["1"] and "2.png cannot be read" in reasons["2"]
    assert sorted(kept.catalogue["status"]) == ["ok", "quarantined", "quarantined"]
    assert unread(kept.catalogue) == 2  # so that the next run looks again
    again = build_catalogue([files.source()], kept.catalogue, kept.inspection_cache)
    assert copy_originals(again, lake)[1] == 1
    assert (again.catalogue["status"] == "ok").sum() == 2
