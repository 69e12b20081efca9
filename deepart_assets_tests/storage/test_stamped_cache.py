"""Cache entries are valid for one stamp and one content, and survive a damaged file."""

import pytest

from deepart_assets.storage import Lake, stamped_cache
from deepart_assets.storage.stamped_cache import StampedCache

PATH = "cache.jsonl"


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


@pytest.mark.parametrize("path", ["a.png", "Мона Лиза.png", "old\udcff.png", 'q"\n.png'])
def test_entries_return_with_the_same_stamp_or_content(lake, path):
    with StampedCache(lake, PATH) as cache:
        cache.put(path, "5 1", "hash", [0.1, "x"])
    again = StampedCache(lake, PATH)
    assert again.unchanged(path, "5 1") == again.with_content("hash") == ("5 1", "hash", [0.1, "x"])
    assert again.unchanged(path, "5 2") is None and again.with_content("other") is None


def test_without_a_stamp_nothing_counts_as_unchanged():
    cache = StampedCache()
    cache.put("a", None, "hash")
    assert cache.unchanged("a", None) is None and cache.get("a") == (None, "hash", None)


def test_dropped_paths_are_still_known_by_content_until_reloaded(lake):
    with StampedCache(lake, PATH) as cache:
        for path in ("one/a", "one/b", "two/a"):
            cache.put(path, "1", f"hash of {path}")
        cache.retain(["one/b"], prefix="one/")
        assert cache.get("one/a") is None and cache.with_content("hash of one/a")
    again = StampedCache(lake, PATH)
    assert len(again) == 2 and again.with_content("hash of one/a") is None


@pytest.mark.parametrize(
    "damage", [b"", b"PAR1", b'{"version": "1"}\n7\n', b'{"version": "0"}\n["a", "1", "h", null]\n']
)
def test_damaged_and_outdated_files_count_as_empty(lake, damage):
    lake.write(PATH, damage)
    assert len(StampedCache(lake, PATH)) == 0


def test_a_cut_off_file_keeps_its_whole_lines(lake):
    with StampedCache(lake, PATH) as cache:
        cache.put("a", "1", "hash a")
        cache.put("b", "1", "hash b")
    lake.write(PATH, lake.read(PATH)[:-9])
    again = StampedCache(lake, PATH)
    assert again.unchanged("a", "1") and again.get("b") is None


def test_it_saves_rarely_and_at_the_end_even_after_an_error(lake, monkeypatch):
    with pytest.raises(KeyboardInterrupt), StampedCache(lake, PATH) as cache:
        cache.put("a", "1", "hash a")
        assert not lake.exists(PATH)
        monkeypatch.setattr(stamped_cache, "SAVE_SECONDS", 0)
        cache.put("b", "1", "hash b")
        assert len(StampedCache(lake, PATH)) == 2
        raise KeyboardInterrupt
    stamp = lake.stamp(PATH)
    with StampedCache(lake, PATH):
        pass
    assert lake.stamp(PATH) == stamp
