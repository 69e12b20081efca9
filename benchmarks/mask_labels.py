"""How right the bundled segmenter's masks are: against masks that an eye corrected or accepted.

    python benchmarks/mask_labels.py [--split train] [--quick] PICTURE...

The masks are those of recipes/subject_segmenter/masks.csv; pictures are `<folder>/<name>.jpg` as
labels.csv names them, at a longer side of 768. Writes benchmarks/results/mask_labels.json: IoU, and
the share of the subject that is kept, by verdict; then the curves that the verdict's
`confident_from` is chosen by, where a mask is right from an IoU of 0.8 on; and how many of the
faces that the detector is sure of are in the mask. The split `train` is what the bundled network
has learnt from: choose on `validation`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from bench_table import publish
from mask_curves import precision_coverage, reliability
from numpy.typing import NDArray

from deepart_assets.segmentation import Features, clean_up, iou, judge
from deepart_assets.segmentation.bundled import BundledSegmenter
from deepart_assets.segmentation.faces import LEFT_OUT, SURE, Face
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.settings.segmenters import Bundled
from recipes.subject_segmenter.labels import named, read_labels
from recipes.subject_segmenter.outlines import read_outlined
from recipes.subject_segmenter.teacher import read_picture

RIGHT = 0.8
WHOLE = 0.95
"""From this share of its ellipse on a face is inside; in profile the ellipse has ground in it."""
STEPS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


class Measured(NamedTuple):
    """One painting's mask beside the one that an eye corrected or accepted."""

    features: Features
    level: str
    iou: float
    kept: float
    """Share of the subject that is in the mask; NaN where nothing is subject."""
    faces: tuple[float, ...]
    """Of each face that the detector is sure of, the share that is in the mask."""


def main() -> None:
    """Measure, print tables and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--split", choices=["validation", "train"], default="validation")
    parser.add_argument("--quick", action="store_true", help="eight paintings, under 40 seconds")
    arguments = parser.parse_args()
    if not arguments.pictures:
        print("mask_labels.py needs the pictures that masks.csv of recipes/subject_segmenter names")
        return
    labels, outlined = read_labels(), read_outlined()
    files = {
        name: file
        for name, file in named(arguments.pictures).items()
        if name in outlined and labels[name].split == arguments.split
    }
    if not files:
        parser.error("none of the pictures has a mask in recipes/subject_segmenter/masks.csv")
    segmenter, settings = BundledSegmenter(), Segmentation(segmenter=Bundled(kind="bundled"))
    found = []
    for name, file in list(files.items())[: 8 if arguments.quick else None]:
        picture = read_picture(file)
        [prediction] = segmenter([picture])
        mask = clean_up(prediction.levels(), picture.shape[:2], settings)
        features = Features(prediction.confidence, mask.share, mask.parts, mask.largest)
        level = judge(features, settings).level
        wanted = outlined[name].mask(*mask.mask.shape)
        faces = prediction.faces or ()
        found.append(measured(features, level, (mask.mask, wanted), faces))
    publish("mask_labels", f"Against {len(found)} masks, {arguments.split}", rows(found, settings))


def measured(
    features: Features,
    level: str,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    faces: Sequence[Face] = (),
) -> Measured:
    """Compare a mask with the one wanted; two empty ones agree."""
    mask, wanted = masks
    both = int((mask & wanted).sum())
    kept = both / int(wanted.sum()) if wanted.any() else np.nan
    size = (mask.shape[0], mask.shape[1])
    shares = (float(mask[face.ellipse(size)].mean()) for face in faces if face.score >= SURE)
    return Measured(features, level, iou(mask, wanted), kept, tuple(shares))


def rows(found: Sequence[Measured], settings: Segmentation) -> list[dict[str, Any]]:
    """Return a row for each verdict, for each fifth by confidence, and for each threshold."""
    table: list[dict[str, Any]] = []
    for level in ("all", "confident", "doubtful", "none"):
        part = [each for each in found if level in ("all", each.level)]
        if part:
            table.append({"name": level, "masks": len(part)} | _means(part))
    shares = np.array([share for each in found for share in each.faces])
    if shares.size:
        inside, outside = int((shares >= WHOLE).sum()), int((shares < LEFT_OUT).sum())
        partly = shares.size - inside - outside
        faces = {"faces": shares.size, "inside": inside, "partly": partly, "left_out": outside}
        table.append({"name": "faces"} | faces)
    labelled = [(each.features, each.iou >= RIGHT) for each in found if each.features.share]
    if labelled:
        fifths = enumerate(reliability(labelled), 1)
        table += [{"name": f"fifth {number} by confidence"} | row for number, row in fifths]
        curve = precision_coverage(labelled, settings, STEPS)
        table += [{"name": f"confident_from {row.pop('confident_from')}"} | row for row in curve]
    return table


def _means(part: Sequence[Measured]) -> dict[str, float]:
    kept = [each.kept for each in part if not np.isnan(each.kept)]
    return {
        "iou": float(np.mean([each.iou for each in part])),
        "kept": float(np.mean(kept)) if kept else np.nan,
        "right": sum(each.iou >= RIGHT for each in part) / len(part),
    }


if __name__ == "__main__":
    main()
