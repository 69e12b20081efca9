"""How fast pictures are enlarged: this project's upscaler beside basicsr's plain forward.

    python benchmarks/upscaling.py [--quick]

Writes benchmarks/results/upscaling.json. Both run the same random weights on the same picture in
one process, by turns; the best of the repeats counts. Megapixels are those of the picture that is
put in. The plain forward takes the whole picture at once, in float32 and torch's default layout.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from deepart_assets.reports import report_json
from deepart_assets.settings.super_resolution import Network, Upscaling
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.upscaling import (
    BicubicUpscaler,
    RRDBNetUpscaler,
    best_device,
)
from deepart_assets.super_resolution.weights import load_network, to_bytes

RESULTS = Path(__file__).parent / "results" / "upscaling.json"

SAMPLE = Network(features=16, blocks=4, growth=16)
PAPER = Network(features=64, blocks=23, growth=32)


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small pictures, under 40 seconds")
    quick = parser.parse_args().quick
    sample_size, paper_size, repeats = (384, 512), (128, 128), 3
    if quick:
        sample_size, paper_size, repeats = (128, 160), (48, 48), 1
    rows = [
        *measure("16/4/16", SAMPLE, sample_size, Upscaling(tile=256, overlap=8), repeats),
        *measure("64/23/32", PAPER, paper_size, Upscaling(tile=64, overlap=16), repeats),
        bicubic(sample_size, repeats),
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(report_json(rows))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPUs"
    table = Table(*rows[0], title=f"Enlarging by 4 on {device}, {torch.get_num_threads()} threads")
    for row in rows:
        cells = (
            f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()
        )
        table.add_row(*cells)
    Console().print(table)


def measure(
    name: str, size: Network, shape: tuple[int, int], settings: Upscaling, repeats: int
) -> list[dict[str, Any]]:
    """Return a row for the plain forward and one for the tiled upscaler."""
    torch.manual_seed(0)
    weights = to_bytes(build(size).state_dict(), {})
    upscaler, plain = RRDBNetUpscaler(weights, settings), load_network(weights).to(best_device())
    picture = _noise(shape)

    def forward() -> NDArray[np.uint8]:
        with torch.inference_mode():
            batch = torch.from_numpy(picture).to(best_device()).permute(2, 0, 1)[None].contiguous()
            made = plain(batch.float() / 255).clamp(0, 1) * 255
            return made[0].permute(1, 2, 0).round().to(torch.uint8).cpu().numpy()

    seconds = _best_of([forward, lambda: upscaler(picture)], repeats)
    return [
        _row(f"{name} basicsr forward", shape, seconds[0], seconds[0]),
        _row(
            f"{name} upscaler, tile {settings.tile}+2x{settings.overlap}",
            shape,
            seconds[1],
            seconds[0],
        ),
    ]


def bicubic(shape: tuple[int, int], repeats: int) -> dict[str, Any]:
    """Return a row for the bicubic baseline, which has no rival here."""
    picture = _noise(shape)
    seconds = _best_of([lambda: BicubicUpscaler()(picture)], repeats)[0]
    return _row("bicubic", shape, seconds, None)


def _noise(shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def _best_of(contenders: list[Callable[[], Any]], repeats: int) -> list[float]:
    """Run by turns, so that a busy moment of the machine hits all; the first round warms up."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(repeats + 1):
        for number, contender in enumerate(contenders):
            start = time.perf_counter()
            contender()
            times[number].append(time.perf_counter() - start)
    return [min(each[1:]) for each in times]


def _row(name: str, shape: tuple[int, int], seconds: float, plain: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "picture": f"{shape[1]}x{shape[0]}",
        "seconds": seconds,
        "megapixels_per_second": shape[0] * shape[1] / 1e6 / seconds,
        "times_basicsr": None if plain is None else plain / seconds,
    }


if __name__ == "__main__":
    main()
