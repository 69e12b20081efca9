"""From a mask saved to the gallery: what a curator waits, with the sensor's look and the queue.

    make demo; make ui          # in another terminal, and wait until it has started
    python benchmarks/saved_mask.py LAKE [ID ...]

Saves a mask a little smaller than that of the lake for each painting, one after the other, as a
curator would, and waits until the daemon has made the gallery anew. The masks remain in the lake.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from bench_table import machine, publish
from corrected_mask import correct_mask

PAUSE = 40.0
"""Seconds between two masks, in which the evaluations of the one before end."""


def seconds_to_gallery(lake: Path, key: str, most: float) -> float:
    """Save a mask and return the seconds until the gallery's first page is written anew."""
    page = lake / "gallery" / "index.html"
    before = page.stat().st_mtime_ns
    correct_mask(lake, key)
    start = time.perf_counter()
    while page.stat().st_mtime_ns == before:
        if time.perf_counter() - start > most:
            raise SystemExit(f"no new gallery within {most:.0f} s: is `make ui` running?")
        time.sleep(0.1)
    return time.perf_counter() - start


def main() -> None:
    """Time paintings one after the other and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path, nargs="?")
    parser.add_argument("paintings", nargs="*", default=["437430", "436102", "459028", "437382"])
    parser.add_argument("--most", type=float, default=600.0, help="seconds to wait at most")
    parser.add_argument("--quick", action="store_true", help="the first painting alone")
    given = parser.parse_args()
    if given.lake is None:
        print("saved_mask.py needs the lake of a demo, with `make ui` at work on it")
        return
    rows: list[dict[str, Any]] = []
    for key in given.paintings[:1] if given.quick else given.paintings:
        time.sleep(PAUSE if rows else 0)
        load = os.getloadavg()[0]
        seconds = seconds_to_gallery(given.lake, key, given.most)
        rows.append({"name": key, "seconds": round(seconds, 1), "load before": round(load, 1)})
    publish("saved_mask", f"From a saved mask to the gallery, {machine()}", rows)


if __name__ == "__main__":
    main()
