"""Turns a soft prediction into the binary mask that the pipeline keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import depth
from deepart_assets.settings.segmentation import Segmentation

THRESHOLD = 128
"""Of 255; from here on a soft mask is subject."""
COUNTING_SIDE = 1024
"""Parts are counted on every so many pixels that this is about the smaller side."""
EROSION_SIDE = 512
"""Smaller side of the copy in whose pixels an erosion is given."""


@dataclass(frozen=True)
class SubjectMask:
    """A binary mask and what there is to say about it."""

    mask: NDArray[np.bool_]
    """bool, H×W, True = subject."""
    share: float
    """Share of the painting's area that is subject, in [0, 1]."""
    parts: int
    """Number of connected parts of the subject."""
    largest: float
    """Share of the subject that its largest part has, in [0, 1]; 0 if there is none."""

    @classmethod
    def of(cls, mask: NDArray[np.bool_], painted: NDArray[np.bool_] | None = None) -> "SubjectMask":
        """Describe a mask; where only a part of the picture is `painted`, what of it lies there."""
        if painted is not None:
            mask = mask & painted
        step = max(1, min(mask.shape) // COUNTING_SIDE)
        small = np.ascontiguousarray(mask[::step, ::step])
        area = mask.size if painted is None else int(painted.sum())
        parts, _, areas = components_of(small, connectivity=8)
        largest = float(areas.max() / areas.sum()) if parts else 0.0
        return cls(mask, int(mask.sum()) / area, parts, largest)


def clean_up(soft: NDArray[np.uint8], size: tuple[int, ...], settings: Segmentation) -> SubjectMask:
    """Enlarge a soft mask, threshold it, remove small parts, and erode it.

    Args:
        soft: uint8, h×w, 0 to 255 = subject.
        size: Height and width of the result. The soft mask is interpolated before the threshold,
            so that the contour has no stairs.
        settings: Size of a small part, erosion.
    """
    import cv2

    height, width = size
    clean = remove_small_parts(soft >= THRESHOLD, settings.smallest_part)
    # Cleaned before it is enlarged, which on a scan of 100 megapixels saves a gigabyte and twelve
    # seconds. What lies between values on one side of the threshold stays on that side.
    levels = np.where(clean, np.maximum(soft, THRESHOLD), np.minimum(soft, THRESHOLD - 1))
    if levels.shape != (height, width):
        levels = np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR))
    mask = eroded(levels >= THRESHOLD, settings.erosion * min(size) / EROSION_SIDE)
    return SubjectMask.of(mask)


def remove_small_parts(mask: NDArray[np.bool_], smallest_part: float) -> NDArray[np.bool_]:
    """Remove islands, then fill holes, whose area is below a share of the picture's.

    Holes at the border count as holes. Applying it twice changes nothing: removing islands first
    can only join holes, and filling holes can only join islands.

    Args:
        mask: bool, H×W.
        smallest_part: The share, in [0, 1].

    Returns:
        bool, H×W, a new array.
    """
    smallest = smallest_part * mask.size
    without_islands = without_small_components(mask, smallest, connectivity=8)
    # The dual connectivity: a diagonal line of subject pixels closes a hole.
    return ~without_small_components(~without_islands, smallest, connectivity=4)


def eroded(mask: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """Return the pixels of a mask that are farther than `distance` pixels from what is outside.

    The picture's border is not outside: a subject cut off by the frame stays cut off there.
    """
    return mask if distance <= 0 else depth(mask) > distance


def without_small_components(
    mask: NDArray[np.bool_], smallest: float, connectivity: int
) -> NDArray[np.bool_]:
    """Return the connected parts (4 or 8 neighbours) of at least `smallest` pixels: bool, H×W."""
    count, labels, areas = components_of(mask, connectivity)
    large = np.zeros(count + 1, dtype=bool)
    large[1:] = areas >= smallest
    return large[labels]


def components_of(mask: NDArray[np.bool_], connectivity: int) -> tuple[int, NDArray, NDArray]:
    """Return the number of components, the label of each pixel (0: none) and the areas."""
    import cv2

    count, labels, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    return count - 1, labels, statistics[1:, cv2.CC_STAT_AREA]


def reached(region: NDArray[np.bool_], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what of a region can be reached from `start`, which touches it: bool, H×W."""
    _, parts, _ = components_of(region | start, connectivity=4)
    return region & np.isin(parts, np.unique(parts[start]))
