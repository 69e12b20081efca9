"""How fast pictures are enlarged: torch and OpenVINO beside basicsr's own forward, in one run.

    python benchmarks/upscaling.py [--quick] [--side N] [--threads N] [--network FILE]

Writes benchmarks/results/upscaling.json. All run the same weights on the same picture in one
process, by turns; the best of the repeats counts, and only the ratios mean something on a busy
machine. Megapixels are those of the picture that is put in. "basicsr forward" takes the whole
picture at once, in float32 and torch's default layout. "quadrants" is what the original notebook's
tool does when the GPU's memory runs out: quadrants with 32 pixels of overlap, each a plain forward
in float32. "torch" and "openvino" are the backends on the whole picture, without tiles;
`difference` is the largest one to basicsr's, of values in [0, 1]. The upscaler's rows have default
tiles, overlap and mirrored pixels at the borders: all that a user waits for; their `difference` is
taken far from the border, after rounding to steps of 1/255. "compile" is what OpenVINO takes once
per process, and once per size for a network of windows. With `--network` another network alone is
measured, for which "basicsr forward" is its own, in tiles of 128 pixels with 32 of overlap.

Where there is a GPU, torch's rows run on it, and batches of tiles are measured too, against
basicsr's network run eagerly in float32 on the same batch.
"""

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from bench_table import machine, publish
from numpy.typing import NDArray
from torch import nn

from deepart_assets.compat import prepare
from deepart_assets.compute.devices import best_device
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import Precision, Upscaling
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.upscaling.backend_choice import backend_for
from deepart_assets.super_resolution.upscaling.backends import Backend
from deepart_assets.super_resolution.upscaling.upscaler import enlarge
from deepart_assets.super_resolution.weights import Spec, load_network

QUADRANT_OVERLAP = 32

BUNDLED = PROJECT / "data" / "models" / "art_psnr_32_6.safetensors"

Levels = NDArray[np.uint8]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small pictures, under two minutes")
    parser.add_argument("--side", type=int, help="side of the pictures; default: 512, quick 192")
    parser.add_argument("--threads", type=int, help="threads of torch; default: torch's choice")
    parser.add_argument("--network", type=Path, help="weights of another ×4 network")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    paper = lively(Spec(features=64, blocks=23, growth=32)).to(best_device())
    bundled = load_network(BUNDLED.read_bytes(), BUNDLED.name).to(best_device())
    side, paper_side, repeats = (192, 96, 1) if arguments.quick else (512, 512, 2)
    if arguments.side:
        side = paper_side = arguments.side
    if arguments.network:
        other = load_network(arguments.network.read_bytes(), arguments.network.name)
        small = Upscaling(tile=128, overlap=32)
        shape = arguments.side or 128, arguments.side or 128
        rows = measure(arguments.network.stem, other.to(best_device()), shape, repeats, small)
        publish("upscaling", f"Enlarging by 4, {machine()}", rows)
        return
    rows = [
        *measure("64/23", paper, (paper_side, paper_side), repeats),
        *measure("bundled 32/6", bundled, (side, side), repeats),
        bicubic((side, side), repeats),
    ]
    if torch.cuda.is_available():
        for name, net in (("64/23", paper), ("bundled 32/6", bundled)):
            rows += measure_batches(name, net, side)
    publish("upscaling", f"Enlarging by 4, {machine()}", rows)


def measure(
    name: str,
    net: nn.Module,
    shape: tuple[int, int],
    repeats: int,
    settings: Upscaling | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each way to enlarge by one network."""
    settings = settings or Upscaling()
    picture = _noise(shape)
    batch = torch.from_numpy(picture).to(best_device()).permute(2, 0, 1)[None].contiguous() / 255
    expected = _forward(net, batch)
    ways: dict[str, tuple[Callable[[], Any], Callable[[Any], float]]] = {
        "basicsr forward": (lambda: _forward(net, batch), lambda made: _apart(made, expected)),
        "quadrants": (lambda: _quadrants(net, batch), lambda made: _apart(made, expected)),
    }
    compiled = []
    for backend, precision in _backends():
        start = time.perf_counter()
        run = _backend(net, backend, precision, settings)
        compiled.append((f"{backend} {precision}", time.perf_counter() - start))
        ways[f"{backend} {precision}"] = (
            partial(_run, run, batch),
            lambda made: _apart(made, expected),
        )
        ways[f"upscaler, {backend} {precision}"] = (
            partial(enlarge, run, picture, settings),
            lambda made: _levels_apart(made, expected),
        )
    seconds, made = _best_of([way for way, _ in ways.values()], repeats)
    plain = seconds[0]
    return [
        *(
            _row(f"{name} {way}", shape, took, plain, ways[way][1](result))
            for way, took, result in zip(ways, seconds, made, strict=True)
        ),
        *(
            {"name": f"{name} compile, {way}", "picture": "once", "seconds": took}
            for way, took in compiled
            if way.startswith("openvino")
        ),
    ]


def _backends() -> list[tuple[Literal["torch", "openvino"], Precision]]:
    """Return what is compared: OpenVINO only where there is no GPU."""
    if torch.cuda.is_available():
        return [("torch", "fp32"), ("torch", "bf16")]
    return [("torch", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")]


def _backend(
    net: nn.Module,
    name: Literal["torch", "openvino"],
    precision: Precision,
    settings: Upscaling | None = None,
) -> Backend:
    wanted = {"backend": name, "precision": precision}
    return backend_for(copy.deepcopy(net), (settings or Upscaling()).model_copy(update=wanted))


def _run(backend: Backend, batch: torch.Tensor) -> torch.Tensor:
    made = backend(batch)
    if made.is_cuda:
        torch.cuda.synchronize()
    return made


def measure_batches(name: str, net: nn.Module, side: int) -> list[dict[str, Any]]:
    """Return a row for each number of tiles at once on a GPU and each way to run them."""
    rows = []
    half = copy.deepcopy(net).bfloat16()
    half.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    compiled: Any = torch.compile(half)
    precisions: tuple[Precision, ...] = ("fp32", "bf16", "fp16")
    ours = {f"torch {precision}": _backend(net, "torch", precision) for precision in precisions}
    for count in (1, 4, 8):
        batch = torch.rand(count, 3, side, side, device=best_device())
        ways: dict[str, Callable[[], Any]] = {
            "eager fp32": partial(_forward, net, batch),
            **{way: partial(run, batch) for way, run in ours.items()},
            "compile bf16": partial(_forward, compiled, batch.bfloat16()),
        }
        seconds, made = _best_of(list(ways.values()), repeats=4)
        rows += [
            _row(
                f"{name} {way}, batch {count}",
                (side * count, side),
                took,
                seconds[0],
                _apart(result, made[0]),
            )
            for way, took, result in zip(ways, seconds, made, strict=True)
        ]
    return rows


def lively(size: Spec) -> nn.Module:
    """Return random weights scaled so that all layers show in an output around a half."""
    prepare()
    from basicsr.archs.rrdbnet_arch import RRDBNet

    torch.manual_seed(0)
    net = RRDBNet(3, 3, 4, size.features, size.blocks, size.growth).eval().requires_grad_(False)
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
    seconds, _ = _best_of([lambda: matlab_bicubic_enlarge(picture)], repeats)
    return _row("bicubic", shape, seconds[0], None, None)


def _forward(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        made: torch.Tensor = net(batch)
    if made.is_cuda:
        torch.cuda.synchronize()
    return made


def _quadrants(net: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Enlarge four quadrants with 32 pixels of overlap and join them at the halves."""
    height, width = batch.shape[2:]
    rows = []
    for top, bottom in ((0, height // 2), (height // 2, height)):
        row = []
        for left, right in ((0, width // 2), (width // 2, width)):
            first, start = max(0, top - QUADRANT_OVERLAP), max(0, left - QUADRANT_OVERLAP)
            window = batch[
                :, :, first : bottom + QUADRANT_OVERLAP, start : right + QUADRANT_OVERLAP
            ]
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
    """Run by turns, so that a busy moment of the machine hits all; return the best and results."""
    times: list[list[float]] = []
    for _ in range(repeats):
        made, turn = [], []
        for way in ways:
            start = time.perf_counter()
            made.append(way())
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            turn.append(time.perf_counter() - start)
        times.append(turn)
    return [min(each) for each in zip(*times, strict=True)], made


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
