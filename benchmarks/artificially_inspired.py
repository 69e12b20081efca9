"""How many pictures a second a CoModGAN paints: batches of tiles, and the original notebook.

    python benchmarks/artificially_inspired.py [--quick] [--full]

Writes benchmarks/results/artificially_inspired.json. All ways paint the same pictures in one
process, by turns, and loading counts; the best of the repeats counts, and only the ratios mean
something on a busy machine. The original notebook's way: tiles
from the picture's middle outwards, one after the
other, each read from the PNG file that the tile before it wrote; the network is loaded for each
picture, and in a row of its own once for all, as one run of its script does. (That loaded a pickle
which compiles its operators first: longer than the safetensors file that all load here.)
Ours: loaded once, only the tiles with something to paint, those that do not overlap at once; and
the whole picture first, then tiles that refine it (`tiles: refined`), several at once. The
networks have random weights, which take as long: those of a small one, and with a GPU, or with
--full, of the published one, 512 pixels.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_table import by_turns, machine, publish
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.outpainting import Request, build_outpainter
from deepart_assets.outpainting.comodgan.generator import Generator, composed, draw_noise
from deepart_assets.outpainting.comodgan.spec import Spec, spec_for
from deepart_assets.outpainting.comodgan.weights import build_generator, read_weights
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.storage.tensor_files import to_bytes

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SMALL = spec_for(64, base=2048, most=64, latent=64, code=128)
REAL = spec_for(512)


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures, once")
    parser.add_argument("--full", action="store_true", help="real sizes on a CPU, too: an hour")
    arguments = parser.parse_args()
    specs = [SMALL, *([REAL] if DEVICE == "cuda" or arguments.full else [])]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for spec in specs:
            torch.manual_seed(0)
            file = Path(folder) / f"{spec.resolution}.safetensors"
            file.write_bytes(to_bytes(Generator(spec).state_dict(), {"stage": "random"}))
            rows += measure(file, spec, 3 if arguments.quick else 12, 1 if arguments.quick else 3)
    publish("artificially_inspired", f"Pictures a second, {machine()}", rows)


def measure(file: Path, spec: Spec, count: int, repeats: int) -> list[dict[str, Any]]:
    """Return a row for each of the original notebook's ways and each of ours."""
    requests = requests_of(count, spec.resolution)
    ways: dict[str, Callable[[], tuple[float, float]]] = {
        "the original notebook's way, loaded for each picture": partial(
            original_way, file, requests, each=True
        ),
        "the original notebook's way, loaded once": partial(
            original_way, file, requests, each=False
        ),
        "ours, one tile at a time, float32": partial(ours, file, requests, 1, "float32"),
        "ours, 8 tiles at once, float32": partial(ours, file, requests, 8, "float32"),
        "ours, refined, 8 tiles at once, float32": partial(
            ours, file, requests, 8, "float32", tiles="refined"
        ),
    }
    if DEVICE == "cuda":
        ways["ours, 8 tiles at once, float16"] = partial(ours, file, requests, 8, "float16")
    ours(file, requests[:1], 1, "float32")  # what is imported and set up once
    return by_turns(
        ways,
        repeats,
        of=f"{spec.resolution} px",
        pictures=count,
        reference="the original notebook's way, loaded for each picture",
    )


def requests_of(count: int, side: int) -> list[Request]:
    """Return unfinished paintings with a subject in the middle, of three shapes by turns.

    Of the working size, square and 4:5, and one of twice that size, which takes nine tiles.
    """
    random = np.random.default_rng(0)
    shapes = [(side, side), (side * 5 // 4, side), (2 * side, 2 * side)]
    requests = []
    for number in range(count):
        height, width = shapes[number % len(shapes)]
        known = np.zeros((height, width), bool)
        known[height // 3 : height // 3 * 2, width // 3 : width // 3 * 2] = True
        picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture[~known] = 0
        requests.append(Request(picture, known, "", seed=number))
    return requests


def ours(
    file: Path,
    requests: Sequence[Request],
    batch: int,
    precision: str,
    tiles: str = "published",
) -> tuple[float, float]:
    """Paint the pictures with the outpainter; return seconds for loading and painting."""
    settings = ArtificiallyInspired.model_validate(
        {
            "kind": "artificially_inspired",
            "weights": {"kind": "file", "path": str(file)},
            "batch": batch,
            "precision": precision,
            "tiles": tiles,
        }
    )
    start = time.perf_counter()
    painter = build_outpainter(settings, weights=lambda: file)
    # What is loaded at the first picture is loaded here, to be told apart.
    painter._network  # type: ignore[attr-defined]  # noqa: B018
    loaded = time.perf_counter()
    painter(requests)
    return loaded - start, time.perf_counter() - loaded


# --- the original way (affromero/NTIRE22_Inpainting, ArtificiallyInspired/track1/infer.py) ------


def original_way(file: Path, requests: Sequence[Request], *, each: bool) -> tuple[float, float]:
    """Paint the pictures as the original notebook did; return seconds for loading and painting."""
    loading, start = 0.0, time.perf_counter()
    network: Generator | None = None
    with tempfile.TemporaryDirectory() as folder:
        for number, request in enumerate(requests):
            if network is None or each:
                begun = time.perf_counter()
                network = build_generator(read_weights(file), always_dropout=True).to(DEVICE)
                loading += time.perf_counter() - begun
            seed_paints(network, request, Path(folder) / f"{number}.png")
    return loading, time.perf_counter() - start - loading


def seed_paints(network: Generator, request: Request, written: Path) -> None:
    """Paint one picture tile by tile, with a fresh latent for each, through its file."""
    Image.fromarray(request.picture).save(written)
    done = request.known.copy()
    side = network.spec.resolution
    for row, column in seeds_tiles(done.shape[0], done.shape[1], side):
        window = (slice(row, row + side), slice(column, column + side))
        canvas = np.array(Image.open(written))
        canvas[window] = seed_paints_tile(network, canvas[window], done[window])
        Image.fromarray(canvas).save(written)
        done[window] = True


def seed_paints_tile(
    network: Generator, picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Paint one tile: uint8, R×R×3."""
    colours = torch.from_numpy(picture).to(DEVICE).permute(2, 0, 1)[None].float() / 127.5 - 1
    mask = torch.from_numpy(known).to(DEVICE)[None, None].float()
    with torch.inference_mode():
        w = network.mapping(torch.randn(1, network.spec.latent, device=DEVICE))
        noise = draw_noise(network.spec, 1, None, DEVICE)
        painted = composed(network(colours, mask, w, noise), colours, mask)
    levels = ((painted[0] + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    return np.asarray(levels.permute(1, 2, 0).cpu().numpy())


def seeds_tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int]]:
    """Yield the tiles' upper left corners: from the middle to the start, then to the end."""
    for row in _seeds_offsets(height, side):
        for column in _seeds_offsets(width, side):
            yield row, column


def _seeds_offsets(length: int, side: int) -> list[int]:
    last, step = length - side, side // 2
    middle = last // 2
    before = [max(middle - n * step, 0) for n in range(1, -(-middle // step) + 1)]
    after = [min(middle + n * step, last) for n in range(1, -(-(last - middle) // step) + 1)]
    return [middle, *before, *after]


if __name__ == "__main__":
    main()
