"""The large network whose masks ours learns, and what it says of paintings and of parts of them.

It is a salient object network of the DIS family (Qin et al. 2022) in ONNX: it takes 1×3×1024×1024,
(RGB - 128) / 256, and gives the mask first. It is used for labels and for measuring alone.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb, fit_within, resize
from recipes.subject_segmenter.views import Labelled, cropped

TEACHER_SIDE = 1024
LONGER_SIDE = 1200
"""Larger paintings are reduced to it before anything else."""
CROPS, CROP_SIDE = 1, 900
"""Parts of each painting with a subject that the teacher judges again; their longer side."""


class Teacher:
    """A network of the DIS family from an ONNX file."""

    def __init__(self, file: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the soft mask, float32 in [0, 1], of the picture's size."""
        square = resize(picture, TEACHER_SIDE, TEACHER_SIDE).astype(np.float32)
        batch = ((square - 128) / 256).transpose(2, 0, 1)[None]
        name = self._session.get_inputs()[0].name
        found = self._session.run(None, {name: batch})[0][0, 0]
        return np.clip(resize(found, *picture.shape[:2]), 0, 1)


def is_confident(mask: NDArray[np.float32], unsure: float = 0.3) -> bool:
    """Tell whether a soft mask can be taken at its word.

    The subject covers 2% to 95%, and of what may be subject (above 0.2) at most a share `unsure`
    is undecided (below 0.8).
    """
    share = float((mask > 0.5).mean())
    possible = mask > 0.2
    undecided = int((possible & (mask < 0.8)).sum())
    return 0.02 <= share <= 0.95 and undecided <= unsure * int(possible.sum())


def label(files: Sequence[Path], teacher: Teacher, cache: Path) -> list[Labelled]:
    """Return the paintings and the teacher's masks, which are kept in the cache folder."""
    found = []
    for file in files:
        picture = decode_rgb(file.read_bytes(), file.name)
        picture = resize(picture, *fit_within(picture.shape[0], picture.shape[1], LONGER_SIDE))
        kept = cache / f"{file.parent.name}_{file.stem}.mask.npy"
        if not kept.exists():
            np.save(kept, np.round(teacher(picture) * 255).astype(np.uint8))
        found.append(Labelled(picture, np.load(kept).astype(np.float32) / 255))
    return found


def label_crops(files: Sequence[Path], teacher: Teacher, cache: Path) -> list[Labelled]:
    """Return crops of the paintings that the teacher is sure of when it sees nothing else.

    It judges each crop again: what is small in the painting may be the subject of a part. Masks are
    kept in the cache folder, and so is what was not clear enough to use.
    """
    found = []
    for file in files:
        picture = decode_rgb(file.read_bytes(), file.name)
        for number in range(CROPS):
            random = np.random.default_rng((3, zlib.crc32(file.stem.encode()), number))
            crop = cropped(picture, random)
            crop = resize(crop, *fit_within(crop.shape[0], crop.shape[1], CROP_SIDE))
            kept = cache / f"{file.parent.name}_{file.stem}.crop{number}.npy"
            if not kept.exists():
                np.save(kept, np.round(teacher(crop) * 255).astype(np.uint8))
            mask = np.load(kept).astype(np.float32) / 255
            if is_confident(mask, 0.25) and 0.06 < float((mask > 0.5).mean()) < 0.88:
                found.append(Labelled(crop, mask))
    return found
