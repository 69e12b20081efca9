"""Finds the figures of faces that a map of the subject leaves out: a man in the dark behind others.

The network of `persons` sees each of them closely, within the picture. In views of the whole
picture, which `persons.find_figures` asks to agree, figures in the dark are not seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.faces import Face, lost
from deepart_assets.segmentation.persons import (
    FACE,
    LEAST,
    MARGIN,
    MOST,
    REACH,
    SEEN,
    SIDE,
    Square,
    person_probability,
)

SUBJECT = 0.5
"""Where the map is above it is subject."""
SQUARES = ((4, 0.8), (6, 1.5), (9, 2.4))
"""Sides of the views of a face, and how far below it their centres are, in sides of the face."""
BORDER = 2
"""A figure touches the subject if it is so near, in pixels at a smaller side of 400."""


def with_lost_figures(
    map_: NDArray[np.float32], picture: NDArray[np.uint8], faces: Sequence[Face]
) -> NDArray[np.float32]:
    """Raise a map of the subject where the figures of lost faces are.

    A figure counts if it touches the subject, or if the subject has another face, which then is not
    twice as large: what `faces.lost` calls lost belongs to the same scene.

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
    chosen = sorted(lost(moved, subject), key=lambda face: -face.side)[:MOST]
    if not chosen or not subject.any():
        return map_
    beside = any(subject[face.ellipse(size)].mean() > SUBJECT for face in moved)
    near = cv2.dilate(subject.astype(np.uint8), np.ones((2 * BORDER + 1,) * 2, np.uint8)) > 0
    result = map_
    for face in chosen:
        probability = _figure(picture, size, face)
        if beside or (probability[near] > LEAST).any():
            result = np.maximum(result, probability)
    return np.asarray(result, dtype=np.float32)


def _figure(
    picture: NDArray[np.uint8], size: tuple[int, int], face: Face
) -> NDArray[np.float32]:
    """Return how probably each place is of the face's figure: float32, H×W; 0 where none is."""
    import cv2

    small = resize(picture, *size)
    squares = [view_within(size, face, side, down) for side, down in SQUARES]
    found = person_probability(np.stack([square.view(small) for square in squares]))
    maps = [s.placed(each, size, MARGIN) for s, each in zip(squares, found, strict=True)]
    seen = np.stack(maps)
    middle = np.sort(seen, axis=0)[1]  # the second of three; what was not seen comes last
    probability = np.nan_to_num(middle, nan=0.0)
    sure = (probability > LEAST).astype(np.uint8)
    sure = cv2.morphologyEx(sure, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    centre = face.ellipse(size, **FACE)
    nothing = np.zeros(size, np.float32)
    if not centre.any() or sure[centre].mean() < SEEN:
        return nothing
    _, parts = cv2.connectedComponents(sure, connectivity=4)
    rows, columns = np.ogrid[: size[0], : size[1]]
    beside, above, below = (reach * face.side for reach in REACH)
    near = (abs(columns - face.x) < beside) & (rows > face.y - above) & (rows < face.y + below)
    return np.where((parts == np.bincount(parts[centre]).argmax()) & near, probability, nothing)


def view_within(size: tuple[int, int], face: Face, side: float, down: float) -> Square:
    """Return a view of a face, moved into the picture as far as it goes."""
    height, width = size
    length = min(side * face.side, max(size))

    def inside(centre: float, whole: int) -> float:
        return min(max(centre, length / 2), whole - length / 2) if length < whole else whole / 2

    return Square(inside(face.x, width), inside(face.y + down * face.side, height), length)
