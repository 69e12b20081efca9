"""Masks that a curator drew: what counts as one, and messages for invalid ones.

`scribble` reads strokes.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging.geometry import upright
from deepart_assets.segmentation.comparison import iou
from deepart_assets.segmentation.mask_pixels import mask_pixels
from deepart_assets.segmentation.scribble import LEGEND, Scribble, find_strokes, fitted

THRESHOLD = 128
CERTAIN = 32
"""A level this near to black or white is meant as such."""
GREY_SHARE = 0.2
"""A soft brush leaves grey along the contour; more than this share of the area is no mask."""
ASPECT_TOLERANCE = 0.01


def read_curated_mask(
    data: bytes, name: str, size: tuple[int, int]
) -> NDArray[np.bool_] | Scribble:
    """Read a curator's file for a painting: a mask, a cut-out, or strokes that correct one.

    In a mask nothing is transparent and white is the subject, which is kept; of two levels the
    upper one is white, however dark it is. With a transparent
    surround it is a scribble if its colours are few and saturated (`find_strokes`), or else a
    cut-out: what is opaque is the subject. Another size than the painting's is enlarged or reduced,
    if its aspect is the painting's.

    Args:
        data: The bytes of the file.
        name: Its name, for messages.
        size: Height and width of the painting.

    Returns:
        The scribble, or a mask: bool, H×W of the painting's size, True = subject.

    Raises:
        PaintingError: It is none of these for this painting; the message names the file and the
            remedy.
        SkipPainting: It is entirely black: the painting is left out on purpose.
    """
    import cv2

    picture = mask_pixels(data, name)
    _fits(picture.shape[:2], size, name)
    levels = _levels(picture, name)
    if isinstance(levels, tuple):
        return fitted(*levels, size)
    levels = _stretched(levels, name)
    # Judged as drawn: reducing a hard edge makes grey of it.
    grey = float(((levels > CERTAIN) & (levels < 255 - CERTAIN)).mean())
    if grey > GREY_SHARE:
        raise PaintingError(
            f"{name} is not a mask: {grey:.0%} of it is neither black nor white. Draw the subject"
            " white and the rest black"
        )
    method = cv2.INTER_AREA if levels.size > size[0] * size[1] else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(levels, (size[1], size[0]), interpolation=method))
    mask: NDArray[np.bool_] = resized >= THRESHOLD
    if not mask.any():
        if not levels.any():
            raise SkipPainting(
                f"{name} is all black, so nothing is kept: make white what is to be kept, or remove"
                " the file"
            )
        raise PaintingError(
            f"{name} keeps nothing once it has the painting's size: draw a larger subject"
        )
    if mask.all():
        raise PaintingError(
            f"{name} is all white: nothing would be generated. Draw the subject white and the rest"
            " black, or remove the file"
        )
    return mask


def _stretched(levels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Return levels of which the brightest is white.

    Two levels are black and white, whatever their numbers (0 and 1, as many programs save them).

    Raises:
        PaintingError: There are more, and none is white.
    """
    lowest, brightest = int(levels.min()), int(levels.max())
    if brightest >= THRESHOLD and lowest < THRESHOLD:
        return levels
    is_upper = levels == brightest
    if lowest < brightest and bool((is_upper | (levels == lowest)).all()):
        return is_upper.astype(np.uint8) * np.uint8(255)
    if 0 < brightest < THRESHOLD and lowest == 0:
        raise PaintingError(
            f"{name} has no white: its brightest level is {brightest} of 255. Draw the subject"
            " white and the rest black"
        )
    return levels


TURNED_FROM = 0.6
"""Overlap (IoU) with the prediction from which on another position is the one that was meant."""
TURNED_BY = 0.2
"""Least difference of that overlap to the one as drawn."""

_POSITIONS = {
    "mirrored": 2,
    "turned by 180°": 3,
    "upside down": 4,
    "turned by 90°": 6,
    "turned by 270°": 8,
    "turned and mirrored": 5,
    "turned and mirrored the other way": 7,
}
"""EXIF's orientations: the seven ways in which the pixels that a camera stored may lie, but for as
they are shown."""


def check_position(mask: NDArray[np.bool_], predicted: NDArray[np.bool_], name: str) -> None:
    """Refuse a mask that was drawn on the stored pixels of a painting that EXIF turns.

    Args:
        mask: bool, H×W, as drawn.
        predicted: bool, H×W, what the segmenter found.
        name: The file's name, for the message.

    Raises:
        PaintingError: In another of the eight positions it agrees with the prediction far better.
    """
    overlaps = {
        position: iou(moved, predicted)
        for position, orientation in _POSITIONS.items()
        if (moved := upright(mask, orientation)).shape == predicted.shape
    }
    best = max(overlaps, key=lambda position: overlaps[position])
    if overlaps[best] >= max(TURNED_FROM, iou(mask, predicted) + TURNED_BY):
        raise PaintingError(
            f"{name} seems to be {best}: so it would agree with what the segmenter takes for the"
            " subject. Redraw it on the painting as it is shown; if this is intended, set"
            " segmentation.check_polarity to false"
        )


def check_polarity(mask: NDArray[np.bool_], predicted: NDArray[np.bool_], name: str) -> None:
    """Refuse a mask that seems to be inverted, judged by the prediction.

    Args:
        mask: bool, H×W, as drawn.
        predicted: bool, H×W, what the segmenter found.
        name: The file's name, for the message.

    Raises:
        PaintingError: The mask shares next to nothing with the prediction, and its inverse most.
    """
    if iou(mask, predicted) < 0.1 and iou(~mask, predicted) > 0.5:
        raise PaintingError(
            f"{name} looks inverted: its black part is what the segmenter takes for the subject."
            " White is kept. Invert it; if this is intended, set segmentation.check_polarity to"
            " false"
        )


def _levels(
    picture: NDArray[np.uint8], name: str
) -> NDArray[np.uint8] | tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the levels of a mask or cut-out, or the strokes to keep and to drop."""
    alpha = picture[..., 3]
    if 0 < int(alpha.max()) < THRESHOLD and len(np.unique(alpha)) == 2:  # 0 and 1, say
        picture = np.dstack([picture[..., :3], _stretched(alpha, name)])
    if picture[..., 3].min() < 255:
        return find_strokes(picture, name) or picture[..., 3]
    colours = picture[..., :3]
    if int(np.ptp(colours, axis=2).max(initial=0)) > CERTAIN:
        raise PaintingError(
            f"{name} is a picture in colours and not a mask: draw the subject white and the rest"
            f" black, or make the rest transparent, or save strokes alone ({LEGEND})"
        )
    return colours[..., 0]


def _fits(shape: tuple[int, ...], size: tuple[int, int], name: str) -> None:
    """Refuse another aspect; one pixel more or less, from rounding, is the same."""
    height, width = shape
    wanted = size[1] / size[0]
    slack = ASPECT_TOLERANCE * wanted + 1 / height + wanted / height
    if abs(width / height - wanted) > slack:
        turned = " (it seems to be turned)" if abs(height / width - wanted) < slack else ""
        raise PaintingError(
            f"{name} is {width}×{height} pixels, the painting {size[1]}×{size[0]}: another aspect"
            f"{turned}. Draw the mask on the painting itself"
        )
