"""Masks that a curator drew: what counts as one, and messages for those that cannot be meant."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.segmentation.comparison import iou

THRESHOLD = 128
CERTAIN = 32
"""A level this near to black or white is meant as such."""
GREY_SHARE = 0.2
"""A soft brush leaves grey along the contour; more than this share of the area is no mask."""
ASPECT_TOLERANCE = 0.01


def read_curated_mask(data: bytes, name: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a curator's mask of a painting: white is the subject, which is kept.

    A cut-out, whose surround is transparent, is one as well: what is opaque is the subject. A mask
    of another size than the painting's is enlarged or reduced, if its aspect is the painting's.

    Args:
        data: The bytes of the file.
        name: Its name, for messages.
        size: Height and width of the painting.

    Returns:
        bool, H×W of the painting's size, True = subject.

    Raises:
        PaintingError: It is no mask of this painting; the message names the file and the remedy.
        SkipPainting: Nothing is white: the painting is left out on purpose.
    """
    import cv2

    levels = _levels(data, name)
    _fits(levels.shape, size, name)
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


def _levels(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PaintingError(
            f"{name} is no readable picture ({error}): save it as PNG again"
        ) from error
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits: Pillow would cut them off
        values = np.asarray(image, dtype=np.float64)
        return np.round(values / max(1.0, values.max()) * 255).astype(np.uint8)
    if image.has_transparency_data:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            return alpha
    colours = np.asarray(image.convert("RGB"))
    if int(np.ptp(colours, axis=2).max(initial=0)) > CERTAIN:
        raise PaintingError(
            f"{name} is a picture in colours and not a mask: draw the subject white and the rest"
            " black, or make the rest transparent"
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
