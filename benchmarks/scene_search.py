"""How long scene completion searches a library of grounds, and what memory that takes.

    python benchmarks/scene_search.py [--quick]

Writes benchmarks/results/scene_search.json. The grounds have random vectors and drawn holes; each
size is measured in a process of its own. "read" is what a step that lays grounds begins with;
"statistics" is what a library costs once, when it is renewed; "compare" is one subject against all
grounds, "place" the placement of its finalists. The seconds of the CPU that both take depend less
on what else the machine does.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import fields
from typing import Any

import numpy as np
from bench_table import publish

from deepart_assets.outpainting.scene_completion.ground import CELL, Ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.matching import Query
from deepart_assets.outpainting.scene_completion.ranking import finalists
from deepart_assets.outpainting.scene_completion.statistics import hub_costs, match_costs
from deepart_assets.outpainting.scene_completion.subject import Subject

HEIGHT, WIDTH = 512, 672
REPEATS = 3
MEBIBYTE = 1 << 20


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000 grounds")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one_size(given.one)))
        return
    rows = []
    for count in (1000, 10_000) if given.quick else (1000, 10_000, 100_000):
        command = [sys.executable, __file__, "--one", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
    publish("scene_search", "Scene completion: one subject, by size of the library", rows)


def drawn(number: int) -> Ground:
    """Return a ground with random vectors and an oval hole."""
    random = np.random.default_rng(number)

    def by_lot(*shape: int) -> Any:
        return random.standard_normal(shape, np.float32).astype(np.float16)

    top, bottom = sorted(random.uniform(0.1, 1, 2).tolist())
    return Ground(
        id=f"painting-{number}",
        title=f"Painting {number}",
        artist=f"Artist {number // 10}",
        licence="",
        source="",
        year=1500 + number % 420,
        kind=("figure", "landscape", "still", "figure")[number % 4],
        shape=(HEIGHT, WIDTH),
        plain=float(random.uniform(2, 15)),
        base_row=bottom if bottom < 0.96 else None,
        rows=(top, bottom),
        usable=True,
        hash=int(random.integers(1 << 62)),
        mirrored_hash=int(random.integers(1 << 62)),
        horizon=0.5 if number % 4 == 1 else None,
        light=0.0,
        packed_hole=np.packbits(oval(top, bottom, CELL)),
        standing=random.integers(-100, 101, (17, 23)).astype(np.int8),
        subject=by_lot(384),
        ground=by_lot(384),
        texture=by_lot(224),
        palette=by_lot(7, 3),
        tones=by_lot(2, 2, 3),
    )


def oval(top: float, bottom: float, cell: int = 1) -> Any:
    """Return the mask of an oval between two rows, in pixels or cells of 512×672: bool."""
    y, x = np.mgrid[:HEIGHT:cell, :WIDTH:cell]
    radius = max((bottom - top) / 2, 0.01)
    down, across = (y / HEIGHT - (top + bottom) / 2) / radius, (x / WIDTH - 0.5) / 0.25
    return down**2 + across**2 < 1


def one_size(count: int) -> dict[str, Any]:
    """Measure a library of so many grounds in this process."""
    grounds = [drawn(each) for each in range(count)]
    values = [getattr(grounds[0], each.name) for each in fields(Ground)]
    held = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
    start = time.perf_counter()
    none = np.zeros(count, np.float32)
    library = GroundLibrary(grounds, none, none[:0], lambda id, side: picture)
    matcher, catalogue = library.matcher, library.catalogue
    stacked, at_work = time.perf_counter(), time.process_time()
    hubs = hub_costs(match_costs(grounds, matcher))
    counted = time.process_time() - at_work
    mask = oval(0.2, 0.95)
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    vector, texture = (random.standard_normal(size, np.float32) for size in (384, 224))
    subject = Subject(picture, mask, vector, texture)
    compared, placed, searched = [], [], []
    for _ in range(REPEATS):
        begun, at_work = time.perf_counter(), time.process_time()
        allowed = ~catalogue.own({"id": "painting-3", "title": "Painting 7", "artist": "Artist 0"})
        match = matcher(Query.of(subject, 1700), allowed)
        costs = np.where(allowed, match.costs + match.cover + hubs, np.float32(np.inf))
        between = time.perf_counter()
        finalists(match, subject, library, costs)
        compared.append(between - begun)
        placed.append(time.perf_counter() - between)
        searched.append(time.process_time() - at_work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    written = library.to_bytes()
    at_work = time.process_time()
    GroundLibrary.from_bytes(written, library.picture, "library.npz")
    read = time.process_time() - at_work
    return {
        "grounds": count,
        "file, MiB": round(len(written) / MEBIBYTE, 1),
        "read, CPU s": round(read, 2),
        "held, MiB": round(held * count / MEBIBYTE, 1),
        "stack, s": round(stacked - start, 1),
        "statistics, CPU s": round(counted, 1),
        "compare, s": round(min(compared), 3),
        "place, s": round(min(placed), 2),
        "both, CPU s": round(min(searched), 2),
        "peak, MiB": round(peak / 1024),
    }


if __name__ == "__main__":
    main()
