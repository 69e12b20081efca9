"""Long work: bounded memory, progress, and a process that is killed."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from deepart_assets import work
from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    read_cache,
)
from deepart_assets.wikiart.examine import INSPECTION_VERSION
from deepart_assets.wikiart.naming import WIKIART


def _bytes(image: Image.Image, form: str, **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def _noise(height=20, width=30) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_memory_is_bounded_by_pixels_and_a_large_picture_is_not_passed_for_ever():
    from threading import Lock, Thread

    budget, lock, used, most, alone = work.MemoryBudget(100), Lock(), 0, 0, []

    def take(amount):
        nonlocal used, most
        with budget.reserve(amount):
            with lock:
                used += amount
                most = max(most, used)
                alone.append((amount, used))
            time.sleep(0.002)
            with lock:
                used -= amount

    threads = [Thread(target=take, args=(500 if n == 10 else 10 + n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (500, 500) in alone  # larger than the budget: on its own
    assert max(used for amount, used in alone if amount != 500) <= 100
    assert [amount for amount, _ in alone].index(500) < 39


def test_work_in_parallel_is_lazy_ordered_and_ends_early():
    begun = []
    results = work.in_parallel(lambda n: begun.append(n) or n * n, range(100_000))
    assert [next(results) for _ in range(50)] == [n * n for n in range(50)]
    assert len(begun) <= 50 + 16 * work.WORKERS
    results.close()
    assert len(begun) <= 50 + 16 * work.WORKERS


def test_progress_is_reported(shelf, picture, monkeypatch):
    monkeypatch.setattr("deepart_assets.progress.REPORT_SECONDS", 0.0)
    reported = []
    files = {f"{n}.png": picture(n) for n in range(3)} | {"0bad.png": b""}
    build_catalogue([shelf(files).source()], report=reported.append)
    assert reported[0].startswith("wikiart_paintings 1/4, ")
    assert reported[-1] == "wikiart_paintings 4/4, 1 quarantined; about 0 s left"


BUILDER = """
import sys
import threading
from deepart_assets.settings.wikiart import FolderSource
from deepart_assets.storage import Lake
from deepart_assets.storage import stamped_cache
from deepart_assets.wikiart.catalogue import build_catalogue, to_parquet
from deepart_assets.wikiart.examine import INSPECTION_VERSION
from deepart_assets.wikiart.naming import WIKIART
from deepart_assets.wikiart.originals import copy_originals
from deepart_assets.wikiart.sources.folder import open_folder

stamped_cache.SAVE_SECONDS = 0.01
lake = Lake(sys.argv[2])
source = open_folder("inbox", FolderSource(path=sys.argv[1]), "wikiart.sources.inbox")
cache = stamped_cache.StampedCache(lake, WIKIART.inspections, INSPECTION_VERSION)
build = build_catalogue([source], None, cache)
build, copied = copy_originals(build, lake)
lake.write("wikiart_paintings/catalogue.parquet", to_parquet(build.catalogue))
print("decoded", build.decoded, "copied", copied)
"""


@pytest.mark.slow
def test_a_killed_build_keeps_what_it_has_seen_and_copied(tmp_path, picture):
    inbox, root = tmp_path / "inbox", tmp_path / "lake"
    inbox.mkdir()
    count = 800
    for number in range(count):
        (inbox / f"{number}.png").write_bytes(picture(number))
    lake = Lake(root)
    command = [sys.executable, "-c", BUILDER, str(inbox), str(root)]

    def kill_when(ready):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while not ready() and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was done too soon to be killed"

    kill_when(lambda: lake.exists(WIKIART.inspections))
    seen = len(StampedCache(lake, WIKIART.inspections, INSPECTION_VERSION))
    assert 0 < seen < count and not lake.exists("wikiart_paintings/catalogue.parquet")

    kill_when(lambda: lake.exists(WIKIART.copies))
    assert len(StampedCache(lake, WIKIART.inspections, INSPECTION_VERSION)) == count
    held = len(lake.stamps("wikiart_paintings")) - 2
    assert 0 < held < count

    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # The caches were behind at most by what happened between two of their writes.
    assert done.stdout.split()[-4:-2] == ["decoded", "0"]
    assert count - held - 400 < int(done.stdout.split()[-1]) <= count - held
    table = read_cache(lake, "wikiart_paintings/catalogue.parquet")
    assert (table["status"] == "ok").all() and len(table) == count
    for number in range(count):
        assert lake.read(f"wikiart_paintings/{number}.png") == picture(number)


def test_what_threads_need_once_is_made_once():
    made, together = [], threading.Barrier(8)
    needed = work.once(lambda: made.append(time.sleep(0.05)) or len(made))
    found = []

    def ask():
        together.wait()
        found.append(needed())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    assert len(made) == 1


def test_what_fails_once_is_tried_again():
    tried = []

    def second_time():
        tried.append(None)
        if len(tried) == 1:
            raise OSError("not yet")
        return len(tried)

    needed = work.once(second_time)
    with pytest.raises(OSError, match="not yet"):
        needed()
    assert (needed(), needed()) == (2, 2)
