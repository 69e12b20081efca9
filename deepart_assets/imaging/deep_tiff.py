"""Reads TIFF files that Pillow cannot: 32 or 64 bits per channel, integer or float."""

import io

import numpy as np
from PIL import Image

from deepart_assets.imaging.colour import eight_bit

TIFF = (b"II*\0", b"MM\0*")
"""The first bytes of a TIFF file."""

_ORIENTATION, _PROFILE = 274, 34675


def open_deep_tiff(data: bytes, max_pixels: int) -> Image.Image:
    """Return the first page as 8-bit L, RGB or RGBA, with its ICC profile and EXIF orientation.

    Raises:
        ValueError: It has more than `max_pixels`, or an unsupported number of channels.
        Exception: It is damaged; tifffile raises many kinds of errors.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        width, height = page.imagewidth, page.imagelength
        if not 0 < width * height <= max_pixels:
            raise ValueError(f"it claims to have {width}×{height} pixels")
        values = page.asarray()
        tags = {tag.code: tag.value for tag in page.tags}
    if page.axes.startswith("S"):  # one plane per channel
        values = np.moveaxis(values, 0, -1)
    if values.ndim != 2 and values.shape[2:] not in ((3,), (4,)):
        raise ValueError(f"its shape is {values.shape}")
    image = Image.fromarray(eight_bit(values))
    image.info["icc_profile"] = tags.get(_PROFILE)
    image.getexif()[_ORIENTATION] = tags.get(_ORIENTATION, 1)
    return image
