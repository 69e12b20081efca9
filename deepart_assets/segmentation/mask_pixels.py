"""Decodes the files that a curator draws: their levels and their alpha, and no colour management.

Of more than 8 bits the brightest level becomes white: many programs save a mask as 0 and 1.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import FORMATS, MAX_PIXELS
from deepart_assets.imaging.decoding import orientation_of
from deepart_assets.imaging.geometry import upright
from deepart_assets.imaging.jpeg import check_jpeg, with_end
from deepart_assets.imaging.tiff import read_tiff
from deepart_assets.imaging.tiff_pages import MAGIC, tiff_size
from deepart_assets.imaging.unsupported import Unsupported


def mask_pixels(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a file of `masks/` as it is shown: RGBA, H×W×4.

    Raises:
        PaintingError: It is damaged, too large or not supported; the message names the file.
    """
    try:
        # The main page of a TIFF need not be the first.
        width, height = tiff_size(data) if data.startswith(MAGIC) else _opened(data).size
        if width * height <= MAX_PIXELS:
            return upright(*_decoded(data))
    except Unsupported as error:
        raise PaintingError(f"{name} {error}") from error
    except Exception as error:  # decoders raise errors of any kind
        raise PaintingError(f"{name} cannot be read as a picture: save it as PNG again") from error
    raise PaintingError(
        f"{name} has {width}×{height} pixels, more than {MAX_PIXELS // 1_000_000} million: save it"
        " in the painting's size"
    )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(with_end(data)), formats=FORMATS)


def _decoded(data: bytes) -> tuple[NDArray[np.uint8], int]:
    """Return RGBA, and the orientation that is left to apply."""
    if data.startswith(MAGIC):
        raster = read_tiff(data)
        if raster.model in ("gray", "RGB"):
            return _rgba(raster.values, raster.alpha), raster.orientation
    with _opened(data) as image:
        if image.format in ("JPEG", "MPO"):
            check_jpeg(data)
        image.load()
        orientation = orientation_of(image)
        if image.format == "PNG" and data[24] == 16:  # Pillow would cut off colours' lower 8 bits
            from imagecodecs import png_decode

            values = png_decode(data)
            values = values[..., None] if values.ndim == 2 else values
            if values.shape[2] in (1, 3):
                return _rgba(values), orientation
            return _rgba(values[..., :-1], _8_bits(values[..., -1])), orientation
        if image.mode.startswith("I"):
            return _rgba(np.asarray(image)[..., None]), orientation
        return np.asarray(image.convert("RGBA")), orientation


def _rgba(colours: NDArray[Any], alpha: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return grey or RGB, H×W×channels, as RGBA."""
    picture = np.full((*colours.shape[:2], 4), 255, np.uint8)
    picture[..., :3] = _8_bits(colours)
    if alpha is not None:
        picture[..., 3] = alpha
    return picture


def _8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    scaled: NDArray[Any] = np.round(values * np.float32(255 / max(1, values.max())))
    return scaled.astype(np.uint8)
