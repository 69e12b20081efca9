"""Faces in a ground that would be seen beside the subject: those of strangers."""

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


class Face(Protocol):
    """A face in a picture, in the picture's pixels."""

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
"""Finds the faces in a picture: uint8, H×W×3, RGB."""


class StrangerCheck:
    """Tells whether a stranger's face is seen in a ground, once it is placed.

    Args:
        find: Called once for each ground.
    """

    def __init__(self, find: FindFaces) -> None:
        self._find = find
        self._found: dict[str, Sequence[Face]] = {}

    def __call__(
        self,
        picture: NDArray[np.uint8],
        ground: Ground,
        placement: Placement,
        mask: NDArray[np.bool_],
    ) -> bool:
        """Return whether a face is seen beside the subject.

        Args:
            picture: uint8, RGB: the ground's, its smaller side about 512.
            ground: What is known of it; a face in its hole is filled.
            placement: Where it is laid.
            mask: bool, H×W: the subject, its smaller side 512.
        """
        if ground.id not in self._found:
            self._found[ground.id] = self._find(picture)
        window, seen = beside(ground, placement, mask)
        scale = window.size[0] / picture.shape[0]
        for face in self._found[ground.id]:
            side, across = face.side * scale, face.x * scale
            x = (window.size[1] - across if window.flip else across) - window.part[1].start
            y = face.y * scale - window.part[0].start
            rows, columns = (
                slice(max(round(each - side / 2), 0), max(round(each + side / 2), 0))
                for each in (y, x)
            )
            if side >= LEAST * min(mask.shape) and seen[rows, columns].sum() >= UNHIDDEN * side**2:
                return True
        return False
