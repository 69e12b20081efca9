"""Time and memory of a catalogue, compared with a plain loop and by number of pictures.

    python benchmarks/catalogue.py [--quick]

Writes benchmarks/results/catalogue.json. Pictures are generated, and their files are in the
system's cache. The comparison with a plain loop, which hashes and decodes one picture after the
other, takes the best of several repeats. Each number of pictures is measured in its own process,
which does all that the asset does: list the source, join the CSV, inspect what is new, copy it to
the lake and write the tables. Peak memory is that of the process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bench_table import publish

from deepart_assets.imaging import decode_rgb, encode_jpeg
from deepart_assets.settings.wikiart import FolderSource
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import build_catalogue, read_cache, to_parquet
from deepart_assets.wikiart.examine import INSPECTION_VERSION
from deepart_assets.wikiart.naming import WIKIART
from deepart_assets.wikiart.originals import copy_originals, lost_copies
from deepart_assets.wikiart.sources import Source
from deepart_assets.wikiart.sources.folder import open_folder

HEIGHT, WIDTH = 960, 1280
SMALL = 72
PER_FOLDER = 1000
MEBIBYTE = 1 << 20

Row = dict[str, Any]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures, under 60 seconds")
    parser.add_argument("--one", nargs=2, metavar=("INBOX", "LAKE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one_run(*given.one)))
        return
    large, repeats, sizes = (
        (60, 2, (1000, 4000)) if given.quick else (300, 3, (1000, 10_000, 100_000))
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = beside_a_loop(Path(folder), large, repeats)
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows += by_number(Path(folder), size)
    publish("catalogue", f"Catalogue, {os.cpu_count()} CPUs", rows)


# --- against the plain loop ----------------------------------------------------------------------


def beside_a_loop(folder: Path, count: int, repeats: int) -> list[Row]:
    """Return a row for each way of cataloguing `count` pictures of WIDTH by HEIGHT."""
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(_picture(number))
    # Warm up what is imported at first use.
    source = _open(folder)
    build_catalogue([Source("one", "one", source.pictures[:1])])

    loop, _ = _best(lambda: plain_loop(folder), repeats)
    rows = [_row(f"plain loop over {WIDTH}×{HEIGHT}", count, count, loop, loop)]
    first_time, first = _best(lambda: build_catalogue([_open(folder)]), repeats)
    rows.append(_row("first build", count, first.decoded, first_time, loop))
    keys = [f"inbox/{picture.path}" for picture in first.pictures]
    known = [(key, first.inspection_cache.get(key)) for key in keys]

    def again(keep_stamps: bool) -> Any:
        cache = StampedCache()
        for key, entry in known:
            if entry is not None:
                cache.put(key, entry.stamp if keep_stamps else None, entry.sha256, entry.value)
        return build_catalogue([_open(folder)], first.catalogue, cache)

    seconds, build = _best(lambda: again(False), repeats)
    rows.append(_row("every file touched", count, build.decoded, seconds, loop))
    seconds, build = _best(lambda: again(True), repeats)
    rows.append(_row("unchanged", count, build.decoded, seconds, loop))
    (folder / "new.jpg").write_bytes(_picture(count))
    seconds, build = _best(lambda: again(True), repeats)
    rows.append(_row("one new picture", count + 1, build.decoded, seconds, loop))
    return rows


def plain_loop(folder: Path) -> list[tuple[str, str, int, int]]:
    """What one would write without a catalogue: hash and decode every picture, one by one."""
    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        height, width = decode_rgb(data, path.name).shape[:2]
        found.append((path.name, sha256_of(data), width, height))
    return found


def _row(name: str, pictures: int, decoded: int, seconds: float, loop: float) -> Row:
    return {
        "name": name,
        "pictures": pictures,
        "decoded": decoded,
        "seconds": seconds,
        "share_of_loop": seconds / loop,
    }


# --- by number -----------------------------------------------------------------------------------


def by_number(folder: Path, count: int) -> list[Row]:
    """Return a row for each kind of run on `count` small pictures, each in its own process."""
    inbox, lake = folder / "inbox", folder / "lake"
    make_inbox(inbox, count)
    rows = []

    def run(kind: str) -> None:
        command = [sys.executable, __file__, "--one", str(inbox), str(lake)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append({"name": f"{kind}, {count} of {SMALL}×{SMALL}", **json.loads(done.stdout)})

    run("first build")
    run("unchanged")
    (inbox / "0" / "new.jpg").write_bytes(_small_picture(count))
    run("one new picture")
    return rows


def one_run(inbox: str, root: str) -> Row:
    """Do all that the asset does, even if nothing changed, and time each part.

    If nothing changed, the asset itself only lists and checks.
    """
    lake = Lake(root)
    marks = [time.perf_counter()]
    choice = FolderSource(path=inbox, csv="all_data_info.csv")
    source = open_folder("inbox", choice, "wikiart.sources.inbox")
    marks.append(time.perf_counter())
    previous = read_cache(lake, WIKIART.catalogue)
    if previous is not None:
        lost_copies(previous, lake)
    marks.append(time.perf_counter())
    build = build_catalogue(
        [source],
        previous,
        StampedCache(lake, WIKIART.inspections, INSPECTION_VERSION),
    )
    lake.write(WIKIART.catalogue, to_parquet(build.catalogue))
    marks.append(time.perf_counter())
    copied = copy_originals(build, lake)[1]
    marks.append(time.perf_counter())
    parts = ("list_seconds", "check_seconds", "build_seconds", "copy_seconds")
    return {
        "pictures": len(build.catalogue),
        "decoded": build.decoded,
        "copied": copied,
        "seconds": marks[-1] - marks[0],
        **dict(zip(parts, np.diff(marks).tolist(), strict=True)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBIBYTE,
    }


def make_inbox(folder: Path, count: int) -> None:
    """Write small JPEGs, each another, in folders, and a CSV with a row for each."""
    rows = ["artist,title,style,genre,date,new_filename"]
    for number in range(count):
        sub = folder / str(number // PER_FOLDER)
        sub.mkdir(parents=True, exist_ok=True)
        (sub / f"{number}.jpg").write_bytes(_small_picture(number))
        rows.append(
            f"Artist {number % 2000},Title {number},Style {number % 130},genre,1888,{number}.jpg"
        )
    (folder / "all_data_info.csv").write_text("\n".join(rows))


# --- pictures ------------------------------------------------------------------------------------


def _small_picture(seed: int) -> bytes:
    patches = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return encode_jpeg(cv2.resize(patches, (SMALL, SMALL), interpolation=cv2.INTER_CUBIC))


def _picture(seed: int) -> bytes:
    """Return a JPEG of smooth patches with grain, about as costly to decode as a painting."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (HEIGHT // 40, WIDTH // 40, 3), dtype=np.uint8)
    patches = coarse.repeat(40, axis=0).repeat(40, axis=1).astype(np.int16)
    grain = random.integers(-12, 13, (HEIGHT, WIDTH, 1), dtype=np.int16)
    return encode_jpeg(np.clip(patches + grain, 0, 255).astype(np.uint8))


def _open(folder: Path) -> Source:
    return open_folder("inbox", FolderSource(path=str(folder)), "wikiart.sources.inbox")


def _best(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


if __name__ == "__main__":
    main()
