"""How fast pictures are enlarged: this project's upscaler beside basicsr's and beside the seed's.

    python benchmarks/upscaling.py [--quick] [--threads N]

Writes benchmarks/results/upscaling.json. All run the same random weights on the same picture in
one process, by turns; the best of the repeats counts, and only the ratios mean something on a busy
machine. Megapixels are those of the picture that is put in. "basicsr forward" takes the whole
picture at once, in float32 and torch's default layout. "seed" is what its tool does when the GPU's
memory runs out: quadrants with 32 pixels of overlap, each a plain forward in float32. "our
forward" is the rearranged network on the whole picture, without tiles; `difference` is its largest
difference to basicsr's, of values in [0, 1]. The upscaler's rows have the default tiles, overlap
and mirrored borders: all that a user waits for; their `difference` is taken far from the border,
in steps of 1/255.
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
from torch import nn

from deepart_assets.reports import report_json
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.fast_network import FastRRDBNet
from deepart_assets.super_resolution.network import build
from deepart_assets.super_resolution.upscaling import BicubicUpscaler, best_device, enlarge
from deepart_assets.super_resolution.weights import Spec

RESULTS = Path(__file__).parent / "results" / "upscaling.json"
SEED_OVERLAP = 32

SAMPLE = Spec(features=16, blocks=4, growth=16)
PAPER = Spec(features=64, blocks=23, growth=32)

Levels = NDArray[np.uint8]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small pictures, under 30 seconds")
    parser.add_argument("--threads", type=int, help="threads of torch; default: torch's choice")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    sample_size, paper, paper_size, repeats = (384, 512), PAPER, (192, 192), 3
    if arguments.quick:
        # Fewer blocks rather than a tiny picture, which would be all border.
        sample_size, paper_size, repeats = (160, 160), (84, 84), 1
        paper = Spec(features=64, blocks=4, growth=32)
    rows = [
        *measure("16/4", SAMPLE, sample_size, Upscaling(overlap=8), repeats),
        *measure(f"64/{paper.blocks}", paper, paper_size, Upscaling(), repeats),
        bicubic(sample_size, repeats),
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(report_json(rows))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPUs"
    table = Table(title=f"Enlarging by 4 on {device}, {torch.get_num_threads()} threads")
    for heading in rows[0]:
        table.add_column(heading.replace("_", " "), no_wrap=heading == "name")
    for row in rows:
        table.add_row(
            *(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row.values())
        )
    Console().print(table)


def measure(
    name: str, size: Spec, shape: tuple[int, int], settings: Upscaling, repeats: int
) -> list[dict[str, Any]]:
    """Return a row for each way to enlarge by one network."""
    net = lively(size).to(best_device())
    fast, reduced = FastRRDBNet(net), FastRRDBNet(net, "bf16")
    picture = _noise(shape)
    batch = torch.from_numpy(picture).to(best_device()).permute(2, 0, 1)[None].contiguous() / 255
    expected = _forward(net, batch)
    ways: dict[str, tuple[Callable[[], Any], Callable[[Any], float]]] = {
        "basicsr forward": (lambda: _forward(net, batch), lambda made: _apart(made, expected)),
        "seed, quadrants": (lambda: _seed(net, batch), lambda made: _apart(made, expected)),
        "our forward": (lambda: fast(batch), lambda made: _apart(made, expected)),
        "our forward, bf16": (lambda: reduced(batch), lambda made: _apart(made, expected)),
        "upscaler": (
            lambda: enlarge(fast, picture, settings),
            lambda made: _levels_apart(made, expected),
        ),
        "upscaler, bf16": (
            lambda: enlarge(reduced, picture, settings),
            lambda made: _levels_apart(made, expected),
        ),
    }
    seconds, made = _best_of([way for way, _ in ways.values()], repeats)
    plain = seconds[0]
    return [
        _row(f"{name} {way}", shape, took, plain, ways[way][1](result))
        for way, took, result in zip(ways, seconds, made, strict=True)
    ]


def lively(size: Spec) -> nn.Module:
    """Return random weights scaled so that all layers show in an output around a half."""
    torch.manual_seed(0)
    net = build(size).eval().requires_grad_(False)
    for weight in net.parameters():
        if weight.ndim == 4:
            weight.mul_(2.5)
    last: Any = net.conv_last
    last.weight.mul_(0.2 / net(torch.rand(1, 3, 24, 24)).std())
    last.bias.fill_(0.5)
    return net


def bicubic(shape: tuple[int, int], repeats: int) -> dict[str, Any]:
    """Return a row for the bicubic baseline, which has no rival here."""
    picture = _noise(shape)
    seconds, _ = _best_of([lambda: BicubicUpscaler()(picture)], repeats)
    return _row("bicubic", shape, seconds[0], None, None)


def _forward(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        made: torch.Tensor = net(batch)
    if made.is_cuda:
        torch.cuda.synchronize()
    return made


def _seed(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Enlarge four quadrants with 32 pixels of overlap and join them at the halves."""
    height, width = batch.shape[2:]
    rows = []
    for top, bottom in ((0, height // 2), (height // 2, height)):
        row = []
        for left, right in ((0, width // 2), (width // 2, width)):
            first, start = max(0, top - SEED_OVERLAP), max(0, left - SEED_OVERLAP)
            window = batch[:, :, first : bottom + SEED_OVERLAP, start : right + SEED_OVERLAP]
            made = _forward(net, window.contiguous())
            row.append(
                made[
                    :,
                    :,
                    4 * (top - first) : 4 * (bottom - first),
                    4 * (left - start) : 4 * (right - start),
                ]
            )
        rows.append(torch.cat(row, 3))
    return torch.cat(rows, 2)


def _apart(made: torch.Tensor, expected: torch.Tensor) -> float:
    return float((made - expected).abs().max())


def _levels_apart(made: Levels, expected: torch.Tensor) -> float:
    levels = (expected[0].permute(1, 2, 0).clamp(0, 1) * 255).round().cpu().numpy()
    inner = (slice(48, -48), slice(48, -48))
    return float(np.abs(made[inner] - levels[inner]).max()) / 255


def _noise(shape: tuple[int, int]) -> Levels:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def _best_of(ways: list[Callable[[], Any]], repeats: int) -> tuple[list[float], list[Any]]:
    """Run by turns, so that a busy moment of the machine hits all; the first round warms up."""
    times: list[list[float]] = [[] for _ in ways]
    made: list[Any] = []
    for turn in range(repeats + 1):
        for number, way in enumerate(ways):
            start = time.perf_counter()
            result = way()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[number].append(time.perf_counter() - start)
            if turn == 0:
                made.append(result)
    return [min(each[1:]) for each in times], made


def _row(
    name: str,
    shape: tuple[int, int],
    seconds: float,
    plain: float | None,
    difference: float | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "picture": f"{shape[1]}x{shape[0]}",
        "seconds": seconds,
        "megapixels_per_second": shape[0] * shape[1] / 1e6 / seconds,
        "times_basicsr": None if plain is None else plain / seconds,
        "difference": difference,
    }


if __name__ == "__main__":
    main()
