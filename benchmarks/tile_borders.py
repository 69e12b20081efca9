"""How much the borders of a CoModGAN's tiles show, and what the tiles cost.

    python benchmarks/tile_borders.py [--file WEIGHTS] [--scale SCALE]

Paints around the subjects of the sample paintings, which the segmenter `bundled` finds, with tiles
as they are and as the published inference has them. `border_ratio` is the mean step in luma across
the tiles' borders, along 16 pixels, over that across all other lines: 1 where no border stands out.
`random_ratio` is the same at random lines. Before anything is enlarged; writes
benchmarks/results/tile_borders.json.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bench_table import machine, publish
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.imaging.geometry import resize, working_size
from deepart_assets.outpainting import Request, build_outpainter
from deepart_assets.outpainting.comodgan.refinement import grid
from deepart_assets.outpainting.comodgan.tiling import Tile, waves
from deepart_assets.outpainting.reduced import reduce
from deepart_assets.segmentation.bundled import BundledSegmenter
from deepart_assets.segmentation.cleanup import clean_up
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.settings.segmentation import Segmentation

SAMPLE = Path(__file__).parents[1] / "data/sample/paintings"
ALONG = 16
"""Pixels along which steps are averaged with their sign: a line is straight, paint is not."""


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", help="weights instead of the bundled ones")
    parser.add_argument("--scale", type=float, default=0.25, help="of the working size")
    arguments = parser.parse_args()
    weights = {"kind": "bundled", "name": "paintings_small"}
    if arguments.file:
        weights = {"kind": "file", "path": arguments.file}
    requests = [reduced(each, arguments.scale) for each in subjects()]
    rows = [measure(weights, way, requests) for way in ("published", "refined")]
    publish("tile_borders", f"Borders of tiles, {machine()}", rows)


def subjects() -> Iterator[Request]:
    """Yield the sample paintings' subjects, at the working size."""
    segmenter, settings = BundledSegmenter(), Segmentation(erosion=1)
    for number, path in enumerate(sorted(SAMPLE.glob("*.jpg"))):
        painting = np.asarray(Image.open(path).convert("RGB"))
        height, width = painting.shape[:2]
        picture = resize(painting, *working_size(height, width, 512))
        [prediction] = segmenter([picture])
        known = clean_up(prediction.levels(), picture.shape[:2], settings).mask
        if known.any():
            yield Request(np.where(known[..., None], picture, 0), known, seed=number)


def reduced(request: Request, scale: float) -> Request:
    """Return a request at the size at which it is painted."""
    return Request(*reduce(request.picture, request.known, scale), seed=request.seed)


def measure(weights: dict[str, str], way: str, requests: Sequence[Request]) -> dict[str, Any]:
    """Return a row for one way to lay tiles."""
    settings = ArtificiallyInspired.model_validate(
        {"kind": "artificially_inspired", "weights": weights, "tiles": way}
    )
    painter = build_outpainter(settings)
    side = painter._network.spec.resolution  # type: ignore[attr-defined]
    start = time.process_time()
    painted = painter(requests)
    seconds = (time.process_time() - start) / len(requests)
    random = np.random.default_rng(0)
    at: list[NDArray] = []
    anywhere: list[NDArray] = []
    elsewhere: list[NDArray] = []
    for request, picture in zip(requests, painted, strict=True):
        tiles = tiles_of(request.known, side, way)
        for axis, starts in enumerate(({t.row for t in tiles}, {t.column for t in tiles})):
            length = request.known.shape[axis]
            borders = {b for first in starts for b in (first, first + side) if 0 < b < length}
            steps = straight_steps(picture, request.known, axis)
            lines = np.arange(2, len(steps) + 2)
            drawn = random.choice(lines, 8 * len(borders))
            at.append(steps[np.isin(lines, list(borders))])
            elsewhere.append(steps[~np.isin(lines, list(borders))])
            anywhere.append(steps[np.isin(lines, drawn)])
    usual = np.nanmean(np.concatenate([each.ravel() for each in elsewhere]))
    return {
        "name": way,
        "paintings": len(requests),
        "border_ratio": float(np.nanmean(np.concatenate([e.ravel() for e in at])) / usual),
        "random_ratio": float(np.nanmean(np.concatenate([e.ravel() for e in anywhere])) / usual),
        "cpu_seconds": seconds,
    }


def tiles_of(known: NDArray[np.bool_], side: int, way: str) -> list[Tile]:
    """Return the tiles of a picture that is as large as the network, or larger."""
    lacking = [max(0, side - length) for length in known.shape]
    if any(lacking):  # as the outpainter does it; the borders of the picture move by as much
        raise SystemExit(f"Choose a scale from {side / 512:g}: a tile is larger than a painting")
    return grid(known, side) if way == "refined" else [t for g in waves(known, side) for t in g]


def straight_steps(
    picture: NDArray[np.uint8], known: NDArray[np.bool_], axis: int
) -> NDArray[np.float64]:
    """Return the step before each line but the outermost, by parts; nan beside the subject."""
    luma = np.moveaxis(picture @ np.array((0.299, 0.587, 0.114)), axis, 0)
    hole = np.moveaxis(~known, axis, 0)
    step = np.diff(luma, axis=0)
    step = step[1:-1] - (step[:-2] + step[2:]) / 2  # a slope is no line
    free = hole[:-3] & hole[1:-2] & hole[2:-1] & hole[3:]
    parts = step.shape[1] // ALONG
    step = np.abs(step[:, : parts * ALONG].reshape(len(step), parts, ALONG).mean(2))
    whole = free[:, : parts * ALONG].reshape(len(free), parts, ALONG).all(2)
    step[~whole] = np.nan
    return step


if __name__ == "__main__":
    main()
