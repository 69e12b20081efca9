"""The classical outpainters on real subjects: time, seams, and that the subject stays.

    python benchmarks/outpainting.py [--quick] [--pictures FOLDER]

Writes benchmarks/results/outpainting.json. The first row is the original painting: its own
contours are the measure for a seam score. How good an invented surround is, no figure here says.
"""

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from bench_table import asked_for, publish

from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting import (
    build_outpainter,
    outpaint,
    painting_seed,
    seam_score,
    subject_difference,
)
from deepart_assets.segmentation import Features, build_segmenter, clean_up, judge
from deepart_assets.settings.outpainting import PatchMatch, Telea
from deepart_assets.settings.places import cache_folder, data_root
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Saliency
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads

SIDE = 512


def main() -> None:
    """Measure, print a table and write the figures."""
    files, limit = asked_for(__doc__)
    rows = measure(files, limit=limit)
    publish("outpainting", f"Outpaintings, smaller side {SIDE}", rows)


def measure(files: list[Path], limit: int) -> list[dict[str, Any]]:
    """Return a row for the originals and one an outpainter, over paintings with a subject."""
    downloads = Downloads(cache_folder(), Lake(data_root()))
    segmenter, settings = build_segmenter(Saliency(), downloads), Segmentation()
    painters = {
        "telea": build_outpainter(Telea(kind="telea")),
        "patchmatch": build_outpainter(PatchMatch(kind="patchmatch")),
    }
    figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    count = 0
    for file in files:
        picture = decode_rgb(file.read_bytes(), file.name)
        height, width = picture.shape[:2]
        picture = resize(picture, *working_size(height, width, SIDE))
        [prediction] = segmenter([picture])
        subject = clean_up(prediction.levels(), picture.shape[:2], settings)
        found = Features(prediction.confidence, subject.share, subject.parts, subject.largest)
        if judge(found, settings).level == "none":
            continue
        count += 1
        unfinished = np.dstack([picture, subject.mask.astype(np.uint8) * 255])
        original = figures["the original"]
        original["seconds"].append(0.0)
        original["seam_score"].append(seam_score(unfinished, picture))
        original["subject_difference"].append(0)
        for name, painter in painters.items():
            seed = painting_seed(0, file.stem, name)
            start = time.perf_counter()
            result = outpaint(painter, unfinished, seed=seed)
            row = figures[name]
            row["seconds"].append(time.perf_counter() - start)
            row["seam_score"].append(seam_score(unfinished, result))
            row["subject_difference"].append(subject_difference(unfinished, result))
        if count == limit:
            break
    return [
        {
            "name": name,
            "pictures": count,
            "seconds": float(np.mean(row["seconds"])),
            "seam_score": float(np.mean(row["seam_score"])),
            "largest_subject_difference": int(max(row["subject_difference"])),
        }
        for name, row in figures.items()
    ]


if __name__ == "__main__":
    main()
