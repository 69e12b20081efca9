"""Faces: those of strangers in a ground, and what the subject's own tells of it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.placement import Placement
from deepart_assets.outpainting.scene_completion.structure import beside

LEAST = 0.04
"""Side of a face that is seen at a glance, as a share of the picture's smaller side."""
UNHIDDEN = 0.35
"""Of such a face so much at least is seen."""
CERTAIN = 0.7
"""Least score of a face whose size tells something: a horse from behind has had 0.52."""
BUST = 0.18
"""A face with a larger share of its subject's height is that of a bust or a half-length. Of 135
figures 34 have a larger one than 0.16; the frame cuts 28 of them, a table or a bed the others."""


class Face(Protocol):
    """A face in a picture, in the picture's pixels."""

    @property
    def score(self) -> float:
        """How sure it is, in [0, 1]."""

    @property
    def x(self) -> float:
        """Column of its centre."""

    @property
    def y(self) -> float:
        """Row of its centre."""

    @property
    def side(self) -> float:
        """Side of a square from the brows to the chin."""


FindFaces = Callable[[NDArray[np.uint8]], Sequence[Face]]
"""Finds the faces in a picture, uint8, H×W×3, RGB: the surest first."""


def shows_stranger(
    faces: Sequence[Face],
    picture: NDArray[np.uint8],
    ground: Ground,
    placement: Placement,
    mask: NDArray[np.bool_],
) -> bool:
    """Return whether a stranger's face is seen beside the subject, once a ground is placed.

    Args:
        faces: Those in the picture.
        picture: uint8, RGB: the ground's, its smaller side about 512.
        ground: What is known of it; a face in its hole is filled.
        placement: Where it is laid.
        mask: bool, H×W: the subject, its smaller side 512.
    """
    window, seen = beside(ground, placement, mask)
    scale = window.size[0] / picture.shape[0]
    for face in faces:
        side, across = face.side * scale, face.x * scale
        x = (window.size[1] - across if window.flip else across) - window.part[1].start
        y = face.y * scale - window.part[0].start
        rows, columns = (
            slice(max(round(each - side / 2), 0), max(round(each + side / 2), 0)) for each in (y, x)
        )
        if side >= LEAST * min(mask.shape) and seen[rows, columns].sum() >= UNHIDDEN * side**2:
            return True
    return False


def is_bust(faces: Sequence[Face], mask: NDArray[np.bool_]) -> bool:
    """Return whether a subject is a bust or a half-length, by the size of its face.

    Args:
        faces: In the subject's picture, the surest first.
        mask: bool, H×W: the subject.
    """
    rows = np.flatnonzero(mask.any(1))
    if not faces or not len(rows):
        return False
    top, tall, face = rows[0], len(rows), faces[0]
    is_large = face.side > BUST * tall and face.y < top + 0.5 * tall
    return bool(is_large and face.score >= CERTAIN)
