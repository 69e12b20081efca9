"""What benchmarks share: ways taken by turns, a file for the next reader, a table for this one."""

import argparse
import datetime
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deepart_assets.reports import report_json

PROJECT = Path(__file__).parents[2]
RESULTS = PROJECT / "benchmarks" / "results"


def publish(name: str, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write benchmarks/results/<name>.json and print the rows, which may lack figures."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_bytes(report_json(dict(row) for row in rows))
    table = Table(title=title)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=column == "name")
    for row in rows:
        cells = (row.get(column, "") for column in columns)
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells))
    Console(width=max(Console().width, 120)).print(table)


def asked_for(description: str | None) -> tuple[list[Path], int]:
    """Return the pictures that the command line asks for, and how many of them to measure."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="three pictures, under 40 seconds")
    parser.add_argument("--pictures", type=Path, default=PROJECT / "data/sample/paintings")
    arguments = parser.parse_args()
    files = sorted(
        path
        for path in arguments.pictures.iterdir()
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
    )
    return files, 3 if arguments.quick else len(files)


def by_turns(
    ways: Mapping[str, Callable[[], tuple[float, float]]],
    repeats: int,
    *,
    of: str,
    pictures: int,
    reference: str,
) -> list[dict[str, Any]]:
    """Take each way so many times, by turns, and return a row for the best time of each.

    Args:
        ways: By name; each returns its seconds of loading and of painting.
        repeats: How often each is taken.
        of: What the names begin with.
        pictures: How many pictures a way paints.
        reference: The way that the others are compared with, loading included.
    """
    best: dict[str, tuple[float, float]] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            best[name] = min(best.get(name, (math.inf, math.inf)), way(), key=sum)
    theirs = sum(best[reference])
    return [
        {
            "name": f"{of}: {name}",
            "n": pictures,
            "loading_s": load,
            "per_second": pictures / paint,
            "with_loading": pictures / (load + paint),
            "speedup_over_reference": theirs / (load + paint),
        }
        for name, (load, paint) in best.items()
    ]


def machine() -> str:
    """Say what is measured on, and when: the GPU or the CPUs, torch's threads, today."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    device = gpu or f"{os.cpu_count()} CPUs"
    return f"{device}, {torch.get_num_threads()} threads, {datetime.date.today()}"
