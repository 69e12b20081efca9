"""Finds the figures that belong to faces, and where a map of the subject may be raised for them."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.segmentation.faces import SMALLEST, SURE, Face
from deepart_assets.segmentation.refinement import reduced
from deepart_assets.settings.places import PROJECT

if TYPE_CHECKING:
    from deepart_assets.segmentation.person_network import PersonNetwork

NETWORK = PROJECT / "data" / "models" / "segmentation" / "persons.safetensors"
"""MediaPipe's selfie segmentation; data/models/README.md says where it is from."""
VIEW = 256
"""Side of what the network sees, in pixels."""
MOST = 4
"""At most so many faces, the largest first, are looked at closely."""
SQUARES = ((6, 1.5), (11, 3))
"""Sides of the views of a face, and how far below it their centres are, in sides of the face."""
COVERS = 1.3
"""A view larger than this, in longer sides of the picture, shows nothing new."""
MARGIN = 0.04
"""Share of a view's side at its border where the network's output is ignored."""
LEAST = 0.7
"""Probability of a person from which on a place belongs to a figure."""
FACE = {"across": 0.25, "along": 0.35}
SEEN = 0.8
"""A figure has to hold this share of the ellipse in its face."""
REACH = (5.5, 2.5, 9)
"""A figure ends so many sides of its face beside it, above it and below it."""
DOUBT = 0.1
"""Where the map is lower, nothing is raised: the person network takes trees and tables in."""
WEIGHT = 0.9


class Square(NamedTuple):
    """A square of a picture, in its pixels; it may reach beyond."""

    x: float
    y: float
    side: float

    def _to_view(self) -> NDArray[np.float32]:
        scale = VIEW / self.side
        half = VIEW / 2
        rows = [[scale, 0, half - self.x * scale], [0, scale, half - self.y * scale]]
        return np.array(rows, np.float32)

    def view(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the square as 256×256×3, black beyond the picture."""
        import cv2

        factor = min(1.0, 2 * VIEW / self.side)  # interpolation alone would skip pixels
        small = resize(picture, *(max(1, round(factor * each)) for each in picture.shape[:2]))
        matrix = Square(self.x * factor, self.y * factor, self.side * factor)._to_view()
        return np.asarray(cv2.warpAffine(small, matrix, (VIEW, VIEW), flags=cv2.INTER_LINEAR))

    def placed(
        self, found: NDArray[np.float32], size: tuple[int, int], margin: float
    ) -> NDArray[np.float32]:
        """Return what was found in the view, H×W; NaN where it was not seen."""
        import cv2

        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        whole = cv2.warpAffine(found, self._to_view(), size[::-1], flags=flags)
        rows, columns = np.ogrid[: size[0], : size[1]]
        reach = self.side * (0.5 - margin)
        seen = (abs(columns - self.x) < reach) & (abs(rows - self.y) < reach)
        return np.where(seen, whole, np.float32(np.nan))


@cache
def _network() -> "PersonNetwork":
    from deepart_assets.segmentation.person_network import PersonNetwork
    from deepart_assets.segmentation.published_network import read_weights

    return read_weights(PersonNetwork(), NETWORK, "the person segmenter")


def person_probability(views: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how probably each place of views is a person.

    Args:
        views: uint8, N×256×256×3, RGB.

    Returns:
        float32 in [0, 1], N×256×256.

    Raises:
        UnavailableError: The network's file is missing.
    """
    return _network().probability(views)


def find_figures(picture: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.float32]:
    """Find the figures that faces belong to.

    The network sees the whole picture three times and squares about the largest faces. A place has
    the lower of their median and their second lowest answer: all but one have to agree.

    Args:
        picture: uint8, H×W×3, RGB.
        faces: In its pixels.

    Returns:
        How probably each place is a figure's: float32 in [0, 1], h×w with a smaller side of at most
        400; 0 everywhere where no face has a figure.

    Raises:
        UnavailableError: The network's file is missing.
    """
    small, factor = reduced(picture)
    size = small.shape[0], small.shape[1]
    sure = [each.moved(factor) for each in faces if each.score >= SURE]
    large = [each for each in sure if each.side >= SMALLEST * max(size)]
    chosen = sorted(large, key=lambda face: -face.side)
    taken = np.zeros(size, dtype=bool)
    if not chosen:
        return taken.astype(np.float32)
    probability = _probability(small, chosen[:MOST])
    parts = parts_of(probability > LEAST)
    for face in chosen:
        taken |= part_at(face, parts)
    return probability * taken


def parts_of(region: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number the connected parts of a region without its thinnest places: int32, H×W, 0 outside."""
    import cv2

    opened = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.connectedComponents(opened, connectivity=4)[1])


def part_at(face: Face, parts: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the part in a face's centre, as far as its figure may reach: bool, H×W.

    Args:
        face: In the parts' pixels.
        parts: As from `parts_of`. Nothing is returned if less than `SEEN` of the centre is in one.
    """
    size = (parts.shape[0], parts.shape[1])
    centre = face.ellipse(size, **FACE)
    if not centre.any() or (parts[centre] > 0).mean() < SEEN:
        return np.zeros(size, dtype=bool)
    rows, columns = np.ogrid[: size[0], : size[1]]
    beside, above, below = (reach * face.side for reach in REACH)
    near = (abs(columns - face.x) < beside) & (rows > face.y - above) & (rows < face.y + below)
    return np.asarray((parts == np.bincount(parts[centre]).argmax()) & near)


def _probability(picture: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.float32]:
    height, width = size = picture.shape[0], picture.shape[1]
    longer = max(size)
    squares = [Square(width / 2, height / 2, longer)] + [
        Square(face.x, face.y + down * face.side, side * face.side)
        for face in faces
        for side, down in SQUARES
        if side * face.side < COVERS * longer
    ]
    whole = resize(picture, VIEW, VIEW)
    views = [whole, whole[:, ::-1], *(square.view(picture) for square in squares)]
    stretched, mirrored, first, *others = person_probability(np.stack(views))
    maps = [resize(stretched, *size), resize(np.ascontiguousarray(mirrored[:, ::-1]), *size)]
    maps.append(squares[0].placed(first, size, margin=0))
    closer = zip(squares[1:], others, strict=True)
    maps += [square.placed(found, size, MARGIN) for square, found in closer]
    answers = np.sort(np.stack(maps), axis=0)  # what was not seen comes last
    # The median of what was seen; `np.nanmedian` would sort again, at thirty times the cost.
    seen = (~np.isnan(answers)).sum(axis=0, keepdims=True)
    below, above = (
        np.take_along_axis(answers, place, axis=0)[0] for place in ((seen - 1) // 2, seen // 2)
    )
    return np.clip(np.minimum(answers[1], (below + above) / 2), 0, 1)


def raised(map_: NDArray[np.float32], figures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raise a map of the subject where figures are, but for where it is near 0.

    Args:
        map_: float32 in [0, 1], any size.
        figures: As from `find_figures`.
    """
    both = (map_ + WEIGHT * np.clip(resize(figures, *map_.shape), 0, 1)) / 2
    return np.where(map_ > DOUBT, np.maximum(map_, both), map_).astype(np.float32)
