"""Enlarging an original by less than 4: back-projection beside ×4 networks whose result is reduced.

    python benchmarks/originals.py PICTURE... [--network NAME=FILE]...

PICTUREs should be larger than 2K, sharp, and unknown to the networks. Each is reduced to a larger
side of 2048; a square of its middle is the truth, and what is enlarged is that reduced by area
averaging, as a working copy is made. cubic and the base that ships with the project are always
compared. PSNR and SSIM are those of Y. Writes benchmarks/results/originals.json.
"""

import argparse
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
from bench_table import machine, publish
from enlarging import networks
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, resize
from deepart_assets.super_resolution.evaluation.metrics import psnr_y, ssim_y
from deepart_assets.super_resolution.upscaling.back_projection import back_projected
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler

LARGER_SIDE = 2048

FACTORS = (1.3, 1.6, 2.0, 2.2, 2.3, 2.5, 3.0)

Pixels = NDArray[np.uint8]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--network", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--side", type=int, default=480, help="of the truth, in pixels")
    given = parser.parse_args()
    ways = {"cubic": resize, "back-projection": back_projected}
    ways |= {name: partial(_by_network, each) for name, each in networks(given.network).items()}
    found = defaultdict(list)
    for path in given.pictures:
        truth = _truth(path, given.side)
        for factor in FACTORS:
            seen = resize(truth, *(round(side / factor) for side in truth.shape[:2]))
            for name, way in ways.items():
                made = way(seen, *truth.shape[:2])
                found[factor, name].append((psnr_y(made, truth), ssim_y(made, truth)))
    rows = [
        {
            "name": f"{factor}: {name}",
            "n": len(figures),
            "psnr_y": float(np.mean([psnr for psnr, _ in figures])),
            "ssim_y": float(np.mean([ssim for _, ssim in figures])),
        }
        for (factor, name), figures in found.items()
    ]
    publish("originals", f"Enlarged by less than 4, {machine()}", rows)


def _by_network(network: NetworkUpscaler, picture: Pixels, height: int, width: int) -> Pixels:
    return resize(network(picture), height, width)


def _truth(path: Path, side: int) -> Pixels:
    picture = decode_rgb(path.read_bytes(), path.name)
    scale = LARGER_SIDE / max(picture.shape[:2])
    picture = resize(picture, *(round(scale * length) for length in picture.shape[:2]))
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


if __name__ == "__main__":
    main()
