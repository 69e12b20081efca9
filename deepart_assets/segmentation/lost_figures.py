"""Finds the figures of faces that a map of the subject leaves out: a man in the dark behind others.

The network of `persons` sees each of them closely, within the picture. In views of the whole
picture, which `persons.find_figures` asks to agree, figures in the dark are not seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.faces import Face, lost
from deepart_assets.segmentation.heads import CHEST, CORE
from deepart_assets.segmentation.heads import LIKELY as HEAD
from deepart_assets.segmentation.persons import (
    LEAST,
    MARGIN,
    MOST,
    Square,
    part_at,
    parts_of,
    person_probability,
)

SUBJECT = 0.5
"""Where the map is above it is subject."""
SMALLEST, BESIDE = 0.02, 0.3
"""Faces below these shares of the longer side, and of the largest face in the subject, are those
of onlookers. The verdict's limits are higher: it has not seen a figure."""
HINT = 0.15
"""Where a face's map is above this mean it hints at a figure that the network of persons misses."""
ALONG = 0.5
"""The figure reaches along the map as far as it is above this share of the face's mean."""
LIKELY = 0.55
"""What the map becomes where it hints at a figure: GrabCut decides."""
CERTAIN = 0.9
"""What it becomes in the face."""
AROUND = {"across": 1.2, "along": 2, "rise": -0.9}
"""The ellipse about a face in which the map is followed; farther away it is another figure's."""
SQUARES = ((4, 0.8), (6, 1.5), (9, 2.4), (13, 4.5))
"""Sides of the views of a face, and how far below it their centres are, in sides of the face."""
BORDER = 2
"""A figure touches the subject if it is so near, in pixels at a smaller side of 400."""


def with_lost_figures(
    map_: NDArray[np.float32], picture: NDArray[np.uint8], faces: Sequence[Face]
) -> NDArray[np.float32]:
    """Raise a map of the subject where the figures of lost faces are.

    A figure counts if it touches the subject, or if the subject has another face: what `faces.lost`
    calls lost is not much smaller, and belongs to the same scene.

    Args:
        map_: float32 in [0, 1], h×w with a smaller side of at most 400.
        picture: uint8, H×W×3, RGB.
        faces: In the picture's pixels.

    Returns:
        float32 in [0, 1], h×w; the map itself where no face is lost.
    """
    import cv2

    size = (map_.shape[0], map_.shape[1])
    factor = size[0] / picture.shape[0]
    moved = [face.moved(factor) for face in faces]
    subject = map_ > SUBJECT
    chosen = sorted(lost(moved, subject, SMALLEST, BESIDE), key=lambda face: -face.side)[:MOST]
    if not chosen or not subject.any():
        return map_
    beside = any(subject[face.ellipse(size)].mean() > SUBJECT for face in moved)
    near = cv2.dilate(subject.astype(np.uint8), np.ones((2 * BORDER + 1,) * 2, np.uint8)) > 0
    small, result = resize(picture, *size), map_
    for face in chosen:
        figure = np.maximum(_seen(small, face), _hinted(map_, face))
        if beside or (figure[near] > SUBJECT).any():
            result = np.maximum(result, figure)
    return np.asarray(result, dtype=np.float32)


def _seen(picture: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
    """Return where the network of persons sees the face's figure: float32 in [0, 1], H×W."""
    size = (picture.shape[0], picture.shape[1])
    squares = [view_within(size, face, side, down) for side, down in SQUARES]
    found = person_probability(np.stack([square.view(picture) for square in squares]))
    maps = [s.placed(each, size, MARGIN) for s, each in zip(squares, found, strict=True)]
    answers = np.sort(np.stack(maps), axis=0)  # what was not seen comes last
    seen = (~np.isnan(answers)).sum(axis=0, keepdims=True)
    median = np.take_along_axis(answers, seen // 2 % len(maps), axis=0)[0]  # of two, the higher
    probability = np.clip(np.nan_to_num(median, nan=0.0), 0, 1)
    return probability * part_at(face, parts_of(probability > LEAST))


def _hinted(map_: NDArray[np.float32], face: Face) -> NDArray[np.float32]:
    """Return the face, and what the map hints at about it: float32, H×W; 0 where nothing is."""
    size = (map_.shape[0], map_.shape[1])
    level = float(map_[face.ellipse(size)].mean())
    if level < HINT:
        return np.zeros(size, np.float32)
    likely = face.ellipse(size, **HEAD) | face.ellipse(size, **CHEST)
    around = face.ellipse(size, **AROUND)
    figure = part_at(face, parts_of(((map_ > ALONG * level) & around) | likely))
    result = np.where(figure, np.float32(LIKELY), np.float32(0))
    result[face.ellipse(size, **CORE)] = CERTAIN
    return result


def view_within(size: tuple[int, int], face: Face, side: float, down: float) -> Square:
    """Return a view of a face, moved into the picture as far as it goes."""
    height, width = size
    length = min(side * face.side, max(size))

    def inside(centre: float, whole: int) -> float:
        return min(max(centre, length / 2), whole - length / 2) if length < whole else whole / 2

    return Square(inside(face.x, width), inside(face.y + down * face.side, height), length)
