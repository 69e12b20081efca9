"""How long a catalogue takes: first build, unchanged, one new picture; beside a plain loop.

    python benchmarks/catalogue.py [--quick]

Writes benchmarks/results/catalogue.json. Pictures are generated; times are the best of the
repeats, in seconds, with the files in the system's cache.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from deepart_assets.imaging import decode_rgb, encode_jpeg
from deepart_assets.reports import report_json
from deepart_assets.settings.wikiart import FolderSource
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.catalogue import Build, build_catalogue
from deepart_assets.wikiart.sources import Source, open_source

RESULTS = Path(__file__).parent / "results" / "catalogue.json"
HEIGHT, WIDTH = 960, 1280


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures, under 30 seconds")
    quick = parser.parse_args().quick
    count, repeats = (100, 2) if quick else (400, 3)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), count, repeats)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(report_json(rows))
    table = Table(*rows[0], title=f"Pictures of {WIDTH} by {HEIGHT}, {os.cpu_count()} CPUs")
    for row in rows:
        cells = (
            f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()
        )
        table.add_row(*cells)
    Console().print(table)


def measure(folder: Path, count: int, repeats: int) -> list[dict[str, Any]]:
    """Return one row a way of building."""
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(_picture(number))
    # Warm up what is imported at first use.
    build_catalogue(Source("one", _open(folder).pictures[:1]))

    loop, _ = _best(lambda: plain_loop(folder), repeats)
    first_time, first = _best(lambda: build_catalogue(_open(folder)), repeats)
    stamps_time, unchanged = _best(
        lambda: build_catalogue(_open(folder), first.catalogue, first.stamps), repeats
    )
    hash_time, by_hash = _best(lambda: build_catalogue(_open(folder), first.catalogue), repeats)
    (folder / "new.jpg").write_bytes(_picture(count))
    new_time, new = _best(
        lambda: build_catalogue(_open(folder), first.catalogue, first.stamps), repeats
    )

    def row(name: str, seconds: float, decoded: int) -> dict[str, Any]:
        share = seconds / loop
        return {"name": name, "decoded": decoded, "seconds": seconds, "share_of_loop": share}

    def of(name: str, seconds: float, build: Build) -> dict[str, Any]:
        return row(name, seconds, build.counts.decoded)

    return [
        row(f"plain loop: hash and decode all {count}", loop, count),
        of("first build", first_time, first),
        of("unchanged, by stamps", stamps_time, unchanged),
        of("unchanged, by hashes", hash_time, by_hash),
        of("one new picture", new_time, new),
    ]


def plain_loop(folder: Path) -> list[tuple[str, str, int, int]]:
    """What one would write without a catalogue: hash and decode every picture, one by one."""
    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        height, width = decode_rgb(data, path.name).shape[:2]
        found.append((path.name, sha256_of(data), width, height))
    return found


def _open(folder: Path) -> Source:
    return open_source(FolderSource(path=str(folder)), folder)


def _picture(seed: int) -> bytes:
    """Return a JPEG of smooth patches with grain, about as costly to decode as a painting."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (HEIGHT // 40, WIDTH // 40, 3), dtype=np.uint8)
    patches = coarse.repeat(40, axis=0).repeat(40, axis=1).astype(np.int16)
    grain = random.integers(-12, 13, (HEIGHT, WIDTH, 1), dtype=np.int16)
    return encode_jpeg(np.clip(patches + grain, 0, 255).astype(np.uint8))


def _best(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    times, result = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


if __name__ == "__main__":
    main()
