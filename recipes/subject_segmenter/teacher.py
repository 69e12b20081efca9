"""The large network whose masks are looked at and, where they are accepted, learnt from.

It is a salient object network of the DIS family (Qin et al. 2022) in ONNX: it takes 1×3×1024×1024,
(RGB - 128) / 256, and gives the mask first. It is used for labels alone.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, fit_within, resize
from deepart_assets.segmentation.bundled import BundledSegmenter
from deepart_assets.segmentation.cleanup import without_small_components
from recipes.subject_segmenter.views import Labelled

TEACHER_SIDE = 1024
LONGER_SIDE = 768
"""Larger paintings are reduced to it before anything else."""
SMALLEST_PART, SMALLEST_HOLE = 0.002, 0.006
"""Islands and holes below these shares of the area are the teacher's faults."""


class Teacher:
    """A network of the DIS family from an ONNX file."""

    def __init__(self, file: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the soft mask, float32 in [0, 1], 1024×1024 whatever the picture's size."""
        square = resize(picture, TEACHER_SIDE, TEACHER_SIDE).astype(np.float32)
        batch = ((square - 128) / 256).transpose(2, 0, 1)[None]
        name = self._session.get_inputs()[0].name
        found: NDArray[np.float32] = self._session.run(None, {name: batch})[0][0, 0]
        return found.clip(0, 1)


def read_picture(file: Path) -> NDArray[np.uint8]:
    """Read a painting at a longer side of at most 768 pixels."""
    picture = decode_rgb(file.read_bytes(), file.name)
    return resize(picture, *fit_within(picture.shape[0], picture.shape[1], LONGER_SIDE))


def label(name: str, picture: NDArray[np.uint8], teacher: Teacher, cache: Path) -> Labelled:
    """Return a painting with the teacher's mask, tidied; the cache folder keeps the masks."""
    kept = cache / f"{name}.mask.npy"
    if not kept.exists():
        np.save(kept, np.round(teacher(picture) * 255).astype(np.uint8))
    mask = resize(np.load(kept).astype(np.float32) / 255, *picture.shape[:2]).clip(0, 1)
    return Labelled(picture, tidied(mask))


def own_label(picture: NDArray[np.uint8], segmenter: BundledSegmenter) -> Labelled:
    """Return a painting with the mask that an earlier network gave it, tidied."""
    return Labelled(picture, tidied(segmenter([picture])[0].mask))


def tidied(mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Remove small islands from a soft mask and fill small holes."""
    import cv2

    large = without_small_components(mask > 0.5, SMALLEST_PART * mask.size, 8)
    holes = ~large & ~without_small_components(~large, SMALLEST_HOLE * mask.size, 8)
    near = cv2.dilate((large | holes).astype(np.uint8), np.ones((7, 7), np.uint8))
    return np.where(holes, 1, mask * near).astype(np.float32)
