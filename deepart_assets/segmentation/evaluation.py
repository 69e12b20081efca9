"""Compares several segmenters on the same paintings, and with a ground truth if there is one."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging import grouped_mosaic
from deepart_assets.segmentation.comparison import disagreement, iou, overlay
from deepart_assets.segmentation.curated import read_curated_mask
from deepart_assets.segmentation.scribble import Scribble

NOT_ASKED = 255
"""Class id of pixels that nobody judged, as in PASCAL VOC."""
CELL = 240
"""Side of a picture among the disagreements, in pixels."""


@dataclass(frozen=True)
class Truth:
    """Where the subject of a painting truly is."""

    subject: NDArray[np.bool_]
    """bool, H×W."""
    asked: NDArray[np.bool_]
    """bool, H×W: the pixels that count."""

    def iou(self, mask: NDArray[np.bool_]) -> float:
        """Return the IoU of a mask with the truth over the pixels that count."""
        return iou(mask & self.asked, self.subject & self.asked)


@dataclass(frozen=True)
class Sample:
    """One painting and its masks, all bool of its picture's size."""

    id: str
    caption: str
    picture: NDArray[np.uint8]
    """uint8, H×W×3."""
    masks: Mapping[str, NDArray[np.bool_] | None]
    """By segmenter; None where it found no subject."""
    truth: Truth | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return the mask of a segmenter, all False where it found no subject."""
        found = self.masks.get(name)
        return np.zeros(self.picture.shape[:2], bool) if found is None else found


def read_truth(data: bytes, name: str, size: tuple[int, int]) -> Truth:
    """Read a mask (white = subject), or a palette PNG of class ids (0 = background).

    Args:
        data: The bytes of the file.
        name: Its name, for messages.
        size: Height and width of the result.

    Raises:
        PaintingError: Neither; the message names the file and the remedy.
    """
    ids = _palette_ids(data)
    if ids is None:
        try:
            mask = read_curated_mask(data, name, size)
        except SkipPainting:  # all black: there is no subject
            mask = np.zeros(size, bool)
        if isinstance(mask, Scribble):
            raise PaintingError(f"{name} has strokes only: ground truth is a whole mask")
        return Truth(mask, np.ones(size, bool))
    import cv2

    resized = cv2.resize(ids, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return Truth((resized != 0) & (resized != NOT_ASKED), resized != NOT_ASKED)


def _palette_ids(data: bytes) -> NDArray[np.uint8] | None:
    """Return the class ids of a palette PNG; None of another, and of one of black and white."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.mode != "P":
            return None
        ids = np.asarray(image)
        colours = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
        if ids.max(initial=0) >= len(colours):  # an id that is ignored may have no colour
            return ids
        used = colours[np.unique(ids)]
        is_mask = ((used == 0).all(axis=1) | (used == 255).all(axis=1)).all()
        return None if is_mask else ids
    except OSError:
        return None


def table(samples: Sequence[Sample], names: Sequence[str], ours: str) -> list[dict[str, Any]]:
    """Return a row for each segmenter: shares, agreement with ours and with the truth, seconds.

    Args:
        samples: The paintings.
        names: The segmenters, ours among them.
        ours: Whose masks the pipeline keeps.
    """
    rows = []
    for name in names:
        pairs = [(sample, sample.masks.get(name)) for sample in samples]
        found = [(sample, mask) for sample, mask in pairs if mask is not None]
        # Where the truth has a subject, finding none is an error like any other.
        truths = [each.truth.iou(each.mask(name)) for each in samples if each.truth is not None]
        kept = [iou(m, our) for s, m in found if (our := s.masks.get(ours)) is not None]
        times = [s.seconds[name] for s in samples if name in s.seconds]
        rows.append(
            {
                "name": name,
                "paintings": len(pairs),
                "no_subject": len(pairs) - len(found),
                "subject_share": _mean([float(mask.mean()) for _, mask in found]),
                f"iou_with_{ours}": _mean(kept),
                "iou_with_truth": _mean(truths),
                "with_truth": len(truths),
                "seconds": _mean(times),
            }
        )
    return rows


def disagreements(
    samples: Sequence[Sample], names: Sequence[str], ours: str, shown: int
) -> NDArray[np.uint8]:
    """Show the paintings on which the segmenters disagree most, worst first.

    Each has a row: the painting, each segmenter's mask on it, then for each but ours where the two
    differ: orange is ours alone, blue the other's. uint8, H×W×3.
    """
    others = [name for name in names if name != ours]
    ranked = sorted((_lowest(sample, others, ours), sample.id) for sample in samples)
    by_id = {sample.id: sample for sample in samples}
    groups = []
    for lowest, key in ranked[:shown]:
        sample = by_id[key]
        masks = {name: sample.mask(name) for name in names}
        cells = [("painting", sample.picture)]
        cells += [(name, overlay(sample.picture, mask)) for name, mask in masks.items()]
        cells += [
            (f"{ours} / {n}", disagreement(sample.picture, masks[ours], masks[n])) for n in others
        ]
        groups.append((f"IoU {lowest:.2f}: {sample.caption}", cells))
    return grouped_mosaic(groups, CELL)


def _lowest(sample: Sample, others: Sequence[str], ours: str) -> float:
    """Return the IoU of ours with the segmenter that differs most; none and none agree."""
    kept = sample.mask(ours)
    return min((iou(kept, sample.mask(name)) for name in others), default=1.0)


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
