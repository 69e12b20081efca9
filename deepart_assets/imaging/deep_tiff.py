"""TIFF files whose numbers Pillow cannot hold: colours in 32 or 64 bits, whole or floating.

Belongs here: reading those with OpenCV. Does not belong here: every other TIFF file.
"""

import io

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from deepart_assets.imaging.colour import eight_bit

TIFF = (b"II*\0", b"MM\0*")
"""How such a file starts."""

_WIDTH, _HEIGHT, _PROFILE = 256, 257, 34675


def open_deep_tiff(data: bytes, max_pixels: int) -> Image.Image:
    """Return the first page as 8-bit L, RGB or RGBA, upright, with its ICC profile.

    Raises:
        ValueError: The file is damaged, of more than `max_pixels`, or of a kind not read here.
    """
    import cv2

    tags = ImageFileDirectory_v2(data[:8])
    stream = io.BytesIO(data)
    try:
        stream.seek(tags.next)
        tags.load(stream)
        width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    except Exception as error:  # what stands at a wrong place can mean anything
        raise ValueError("its directory is cut off or damaged") from error
    if not 0 < width * height <= max_pixels:
        raise ValueError(f"it claims to have {width}×{height} pixels")
    try:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(error.err) from error
    if values is None or sorted(values.shape[:2]) != sorted((height, width)):
        raise ValueError("a kind of TIFF that is not read")
    colours = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    if values.ndim == 3 and values.shape[2] not in colours:
        raise ValueError(f"it has {values.shape[2]} channels")
    pixels = eight_bit(values)
    if pixels.ndim == 3:
        pixels = np.asarray(cv2.cvtColor(pixels, colours[pixels.shape[2]]))
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = tags.get(_PROFILE)
    return image
