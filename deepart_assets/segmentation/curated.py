"""Masks that a curator drew: what counts as one, and messages for those that cannot be meant.

`scribble` reads strokes.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.segmentation.comparison import iou
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
    """Read what a curator drew for a painting: a mask, a cut-out, or strokes that correct.

    In a mask nothing is transparent and white is the subject, which is kept. With a transparent
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
        SkipPainting: Nothing is white: the painting is left out on purpose.
    """
    import cv2

    image = _opened(data, name)
    _fits((image.height, image.width), size, name)
    levels = _levels(image, name)
    if isinstance(levels, tuple):
        return fitted(*levels, size)
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
        raise SkipPainting(f"{name} is all black: the curator keeps nothing of this painting")
    if mask.all():
        raise PaintingError(
            f"{name} is all white: nothing would be generated. Draw the subject white and the rest"
            " black, or remove the file"
        )
    return mask


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
            " White is kept. Invert it; if it is meant so, set segmentation.check_polarity to"
            " false"
        )


def _opened(data: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PaintingError(
            f"{name} is no readable picture ({error}): save it as PNG again"
        ) from error
    return image


def _levels(
    image: Image.Image, name: str
) -> NDArray[np.uint8] | tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the levels of a mask or cut-out, or the strokes to keep and to drop."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits: Pillow would cut them off
        values = np.asarray(image, dtype=np.float64)
        return np.round(values / max(1.0, values.max()) * 255).astype(np.uint8)
    if image.has_transparency_data:
        picture = np.asarray(image.convert("RGBA"))
        if picture[..., 3].min() < 255:
            return find_strokes(picture, name) or picture[..., 3]
    colours = np.asarray(image.convert("RGB"))
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
