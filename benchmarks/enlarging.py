"""What ×4 networks make of clean and of JPEG-compressed pictures, with and without deblocking.

    python benchmarks/enlarging.py PICTURE... [--network NAME=FILE]...

PICTUREs should be larger than 2K, sharp, and unknown to the networks. Each is reduced to a smaller
side of 1280, of which the middle is HR; LR is its MATLAB-bicubic reduction, as it is and as a JPEG
with chroma at half the resolution and the grid of blocks cut off by 3 rows and 5 columns.
"deblocked" is what the pipeline does with such a picture. bicubic and the base that ships with the
project are always compared. FILE may be PACKAGE:FILE, in an installed package. PSNR and SSIM are
those of Y; LPIPS is measured where its package and the backbone are installed. Writes
benchmarks/results/enlarging.json.
"""

import argparse
from collections import defaultdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from bench_table import machine, publish
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.imaging.jpeg_compression import compressed
from deepart_assets.settings.evaluation import Lpips
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import lr_hr_pair, matlab_bicubic_enlarge
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.evaluation.comparison import Metric
from deepart_assets.super_resolution.evaluation.crops import middle
from deepart_assets.super_resolution.evaluation.lpips import LpipsMetric
from deepart_assets.super_resolution.evaluation.metrics import niqe, psnr_y, ssim_y
from deepart_assets.super_resolution.upscaling.deblocking import deblock, quality_to_mend
from deepart_assets.super_resolution.upscaling.upscaler import (
    NetworkUpscaler,
    Upscaler,
)

HR_SIDE = 1280

QUALITIES = (90, 75, 50)

OFFSET = (3, 5)

SETTINGS = Upscaling()

BUNDLED = PROJECT / "data" / "models" / "art_psnr_32_6.safetensors"

Pixels = NDArray[np.uint8]


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--network", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--side", type=int, default=384, help="of the part of HR, in pixels")
    parser.add_argument("--keep", type=Path, help="a folder for the results, as PNGs")
    arguments = parser.parse_args()
    upscalers: dict[str, Upscaler] = {
        "bicubic": matlab_bicubic_enlarge,
        **networks(arguments.network),
    }
    lpips = _lpips()
    figures = defaultdict(list)
    for path in arguments.pictures:
        lr, hr = _pair(path, arguments.side)
        for case, seen, is_mended in _inputs(lr):
            for name, upscaler in upscalers.items():
                if is_mended and name == "bicubic":
                    continue
                made = upscaler(seen)
                figures[case, name].append(_measured(made, hr, lpips))
                if arguments.keep:
                    file = arguments.keep / f"{path.stem} {case} {name}.png".replace(" ", "_")
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(encode_png(made))
    rows = [
        {"name": f"{case}: {name}", "n": len(found), **_means(found)}
        for (case, name), found in figures.items()
    ]
    publish("enlarging", f"Enlarged by 4, {machine()}", rows)


def networks(more: list[str]) -> dict[str, NetworkUpscaler]:
    """Return the base that ships with the project, and more that are given as NAME=FILE."""
    found = {}
    for given in (f"base={BUNDLED}", *more):
        name, file = given.split("=", 1)
        package, _, inside = file.partition(":")
        path = resources.files(package).joinpath(inside) if inside else Path(file)
        found[name] = NetworkUpscaler(path.read_bytes(), SETTINGS, name)
    return found


def _pair(path: Path, side: int) -> tuple[Pixels, Pixels]:
    pair = Pair(path.stem, "test", *lr_hr_pair(decode_rgb(path.read_bytes(), path.name), HR_SIDE))
    part = middle(pair, side)
    return part.lr(pair), part.hr(pair)


def _inputs(lr: Pixels) -> list[tuple[str, Pixels, bool]]:
    """Return what is enlarged: its name, the picture, and whether it is deblocked."""
    found = [("clean", lr, False)]
    for quality in QUALITIES:
        jpeg = compressed(lr, quality, OFFSET)
        found.append((f"JPEG {quality}", jpeg, False))
        mended = quality_to_mend(jpeg, SETTINGS.maximal_blockiness or np.inf)
        found.append(
            (f"JPEG {quality} deblocked", jpeg if mended is None else deblock(jpeg, mended), True)
        )
    return found


def _measured(made: Pixels, hr: Pixels, lpips: Metric | None) -> dict[str, float | None]:
    figures = {"psnr_y": psnr_y(made, hr), "ssim_y": ssim_y(made, hr), "niqe": niqe(made)}
    return figures if lpips is None else {**figures, "lpips": lpips(made, hr)}


def _means(found: list[dict[str, float | None]]) -> dict[str, Any]:
    return {
        key: float(np.mean([each[key] for each in found if each[key] is not None]))
        for key in found[0]
    }


def _lpips() -> Metric | None:
    try:
        return LpipsMetric(Lpips())
    except UnavailableError as reason:
        print(reason)
        return None


if __name__ == "__main__":
    main()
