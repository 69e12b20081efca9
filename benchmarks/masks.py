"""How subject masks are made: time, stability, and agreement with reference masks.

    python benchmarks/masks.py [--quick] [--pictures FOLDER] [--reference FOLDER]

Writes benchmarks/results/masks.json. Without reference masks two things are
measured that need none: whether the mask of the mirrored picture is the mirrored mask (IoU), and
how much steeper the picture is along the contour than on average. With --reference, a folder of
grey PNG masks with the pictures' names, drawn or accepted by eye, also the IoU with those and the
share of their subject that is kept (recall). benchmarks/mask_labels.py compares with the masks that
come with the project, and shows the curves that the thresholds of a verdict are chosen by.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from bench_table import publish
from numpy.typing import NDArray

from deepart_assets.imaging import decode_grey, decode_rgb, resize, working_size
from deepart_assets.segmentation import Prediction, clean_up, iou
from deepart_assets.segmentation.bundled import BundledSegmenter
from deepart_assets.segmentation.refinement import otsu_threshold, refine
from deepart_assets.segmentation.saliency import SaliencySegmenter
from deepart_assets.settings.segmentation import Segmentation

PROJECT = Path(__file__).parents[1]
SIDE = 512


def main() -> None:
    """Measure, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five pictures, under 40 seconds")
    parser.add_argument("--pictures", type=Path, default=PROJECT / "data/sample/paintings")
    parser.add_argument("--reference", type=Path)
    arguments = parser.parse_args()
    files = sorted(
        path
        for path in arguments.pictures.iterdir()
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
    )
    rows = measure(files[:5] if arguments.quick else files, arguments.reference)
    publish("masks", f"Subject masks, smaller side {SIDE}", rows)


def measure(files: list[Path], reference: Path | None) -> list[dict[str, Any]]:
    """Return a row for the bare saliency map and one for each segmenter's finished mask."""
    segmenter, bundled, settings = SaliencySegmenter(), BundledSegmenter(), Segmentation()
    for each in (segmenter, bundled):
        each([np.zeros((64, 64, 3), np.uint8)])  # loads the weights

    def firm(prediction: Prediction) -> NDArray[np.bool_]:
        return clean_up(prediction.levels(), prediction.mask.shape, settings).mask

    def bare(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        saliency = segmenter.saliency(picture)
        return resize(saliency, *picture.shape[:2]) > otsu_threshold(saliency)

    def finished(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return firm(refine(picture, segmenter.saliency(picture)))

    def distilled(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return firm(bundled([picture])[0])

    methods = {
        "saliency, Otsu alone": bare,
        "saliency, refined": finished,
        "bundled": distilled,
    }
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    pictures = []
    for file in files:
        picture = decode_rgb(file.read_bytes(), file.name)
        height, width = picture.shape[:2]
        picture = resize(picture, *working_size(height, width, SIDE))
        pictures.append(picture)
        for name, method in methods.items():
            start = time.perf_counter()
            mask = method(picture)
            row = figures[name]
            row["seconds"].append(time.perf_counter() - start)
            mirrored = method(np.ascontiguousarray(picture[:, ::-1]))[:, ::-1]
            row["share"].append(float(mask.mean()))
            row["mirror_iou"].append(iou(mask, mirrored))
            row["contour_steepness"].append(steepness(picture, mask))
            other = None if reference is None else reference / f"{file.stem}.png"
            if other is not None and other.exists():
                grey = decode_grey(other.read_bytes(), other.name)
                wanted = resize(grey, *mask.shape) > 127
                row["reference_iou"].append(iou(mask, wanted))
                row["reference_recall"].append(float((mask & wanted).sum() / max(1, wanted.sum())))
    start = time.perf_counter()
    bundled(pictures)
    figures["bundled, all in one batch"]["seconds"] = [(time.perf_counter() - start) / len(files)]
    return [
        {"name": name, "pictures": len(files)}
        | {key: float(np.nanmean(values)) for key, values in row.items()}
        for name, row in figures.items()
    ]


def steepness(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Return the mean step across the contour over the mean step anywhere; NaN without one."""
    grey = picture.mean(axis=2)
    crossing, everywhere = [], []
    for axis in (0, 1):
        step = np.abs(np.diff(grey, axis=axis))
        crossing.append(step[np.diff(mask, axis=axis)])
        everywhere.append(step.ravel())
    across = np.concatenate(crossing)
    return float(across.mean() / np.concatenate(everywhere).mean()) if across.size else np.nan


if __name__ == "__main__":
    main()
