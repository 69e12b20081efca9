"""Finds the faces in a painting, large and small, and which of them a mask leaves out."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.settings.places import PROJECT

if TYPE_CHECKING:
    from deepart_assets.segmentation.face_network import FaceNetwork

NETWORK = PROJECT / "data" / "models" / "segmentation" / "faces.safetensors"
"""MediaPipe's full-range detector; data/models/README.md says where it is from."""
SIDES = (192, 384, 512)
"""The network sees the picture at these longer sides: it finds faces from a fiftieth of it on."""
LEAST = 0.45
"""Least score of a face."""
SAME, INSIDE = 0.3, 0.6
"""Boxes are about one face if they overlap by the first (IoU), or share the second of the less."""
ACROSS, ALONG = 0.4, 0.5
"""Semi-axes of what is surely face, as shares of the box's side."""


class Face(NamedTuple):
    """A face in a picture, in the picture's pixels."""

    score: float
    """How sure the network is, in [0, 1]."""
    x: float
    y: float
    side: float
    """Centre and side of a square from the brows to the chin."""
    up_x: float
    up_y: float
    """The direction from the mouth to the eyes, of length 1."""

    def moved(self, factor: float, left: float = 0, top: float = 0) -> "Face":
        """Return the face in a picture enlarged by a factor and then laid into a larger one."""
        x, y = self.x * factor + left, self.y * factor + top
        return self._replace(x=x, y=y, side=self.side * factor)

    def ellipse(
        self, size: tuple[int, int], across: float = ACROSS, along: float = ALONG, rise: float = 0
    ) -> NDArray[np.bool_]:
        """Return an ellipse about the face, turned as it is: bool, H×W.

        Args:
            size: Height and width of the picture.
            across: Semi-axis as a share of the side.
            along: The other one, towards the crown.
            rise: How far its centre is above the face's, as a share of the side.
        """
        middle_x = self.x + self.up_x * rise * self.side
        middle_y = self.y + self.up_y * rise * self.side
        reach = max(across, along) * self.side + 1
        inside = np.zeros(size, dtype=bool)
        # Of a large scan, all places would take gigabytes.
        rows, columns = (
            slice(max(0, int(middle - reach)), max(0, int(np.ceil(middle + reach))))
            for middle in (middle_y, middle_x)
        )
        part = inside[rows, columns]
        y, x = np.ogrid[: part.shape[0], : part.shape[1]]
        y = (y + rows.start).astype(np.float32) - np.float32(middle_y)
        x = (x + columns.start).astype(np.float32) - np.float32(middle_x)
        vertical = (x * self.up_x + y * self.up_y) / (along * self.side)
        horizontal = (x * self.up_y - y * self.up_x) / (across * self.side)
        part[:] = vertical**2 + horizontal**2 <= 1
        return inside


@cache
def _network() -> "FaceNetwork":
    from deepart_assets.segmentation.face_network import FaceNetwork
    from deepart_assets.segmentation.published_network import read_weights

    return read_weights(FaceNetwork(), NETWORK, "the face detector")


def find_faces(picture: NDArray[np.uint8]) -> list[Face]:
    """Find faces, the surest first.

    Args:
        picture: uint8, H×W×3, RGB, any size.

    Raises:
        UnavailableError: The network's file is missing.
    """
    found = []
    for side in SIDES:
        factor = side / max(picture.shape[:2])
        height, width = (max(1, round(each * factor)) for each in picture.shape[:2])
        scores, points = _network().found(resize(picture, height, width))
        found += [
            _face(float(scores[place]), points[place]).moved(1 / factor)
            for place in np.nonzero(scores >= LEAST)[0]
        ]
    faces: list[Face] = []
    for face in sorted(found, reverse=True):
        if not any(_same(face, other) for other in faces):
            faces.append(face)
    return faces


def _face(score: float, points: NDArray[np.float32]) -> Face:
    """Make a face of its points: centre, size, right eye, left eye, nose, mouth, ears."""
    line = points[2:4].mean(axis=0) - points[5]
    length = float(np.hypot(*line))
    up_x, up_y = line / length if length else (0, -1)
    (x, y), side = points[0], points[1].max()
    return Face(score, float(x), float(y), float(side), float(up_x), float(up_y))


def _same(one: Face, other: Face) -> bool:
    reach = (one.side + other.side) / 2
    least = min(one.side, other.side)
    across = min(max(reach - abs(one.x - other.x), 0), least)
    down = min(max(reach - abs(one.y - other.y), 0), least)
    both, areas = across * down, one.side**2 + other.side**2
    return both > SAME * (areas - both) or both > INSIDE * least**2


def recorded(faces: Sequence[Face], size: tuple[int, ...]) -> list[list[float]]:
    """Return faces for a record: lengths as shares of the longer side of a picture of that size."""
    return [[round(value, 4) for value in face.moved(1 / max(size))] for face in faces]


def read_faces(values: Sequence[Sequence[float]], size: tuple[int, ...]) -> list[Face]:
    """Return what was `recorded`, in the pixels of a picture of another size."""
    return [Face(*each).moved(max(size)) for each in values]


LEFT_OUT = 0.25
"""A face of which less is in the mask is left out."""
SURE = 0.5
"""Least score of a face whose absence makes a mask doubtful."""
SMALLEST = 0.03
"""Smaller faces, as a share of the picture's longer side, are onlookers'."""
BESIDE = 0.5
"""So are those of less than this share of the largest face in the mask."""
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


def lost(
    faces: Sequence[Face],
    mask: NDArray[np.bool_],
    smallest: float = SMALLEST,
    beside: float = BESIDE,
) -> list[Face]:
    """Return the faces that a mask leaves out, but for onlookers', the surest first.

    Args:
        faces: In the mask's pixels.
        mask: bool, H×W, True = subject.
        smallest: As a share of the longer side, below which a face is an onlooker's.
        beside: The same as a share of the largest face in the mask.
    """
    size = (mask.shape[0], mask.shape[1])
    kept = [(face, float(mask[face.ellipse(size)].mean())) for face in faces]
    largest = max((face.side for face, share in kept if share > 0.5), default=0.0)
    least = max(smallest * max(size), beside * largest)
    return [
        face
        for face, share in kept
        if face.score >= SURE and face.side >= least and share < LEFT_OUT
    ]


def left_out(faces: Sequence[Face], mask: NDArray[np.bool_]) -> list[str]:
    """Return where the faces are that a mask leaves out: "upper left", the surest first.

    Args:
        faces: In the mask's pixels.
        mask: bool, H×W, True = subject.
    """
    height, width = mask.shape
    places = []
    for face in lost(faces, mask):
        row = _ROWS[min(max(int(3 * face.y / height), 0), 2)]
        column = _COLUMNS[min(max(int(3 * face.x / width), 0), 2)]
        places.append("centre" if (row, column) == ("middle", "centre") else f"{row} {column}")
    return list(dict.fromkeys(places))
