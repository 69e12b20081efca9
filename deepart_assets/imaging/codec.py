"""Decoding any picture file to sRGB and encoding results.

Belongs here: file formats, colour spaces, orientation, limits. Does not belong here: resizing.
"""

import io
import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from deepart_assets.errors import PaintingError

MAX_PIXELS = 400_000_000
"""A larger picture is taken for a decompression bomb: 20,000 by 20,000 pixels."""

Image.MAX_IMAGE_PIXELS = None  # the limit above is checked before any pixel is decoded


def decode_rgb(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a picture file to sRGB.

    The EXIF orientation is applied, an embedded ICC profile is converted to sRGB, transparency is
    laid over white, 16-bit, grey, palette and CMYK pictures become 8-bit RGB; of an animation the
    first frame is taken.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Returns:
        uint8, H×W×3, in [0, 255].

    Raises:
        PaintingError: The file is empty, truncated, not a picture or too large.
    """
    if not data:
        raise PaintingError(f"{name} is empty: replace the file")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PaintingError(
                    f"{name} has {image.width}×{image.height} pixels, more than"
                    f" {MAX_PIXELS // 1_000_000} million: reduce it first"
                )
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_to_srgb(upright))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow names the object it read from, which is another one each time.
        fault = re.sub(r" <_io.*?>", "", str(error))
        raise PaintingError(
            f"{name} cannot be decoded ({fault}): replace the file with a whole picture"
        ) from error


def decode_rgba(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a PNG that the pipeline wrote with an alpha channel: uint8, H×W×4."""
    return np.asarray(_own_png(data, name).convert("RGBA"))


def decode_grey(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a one-channel PNG that the pipeline wrote: uint8, H×W."""
    return np.asarray(_own_png(data, name).convert("L"))


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Encode uint8 H×W, H×W×3 (RGB) or H×W×4 (RGBA) without loss, fast rather than small."""
    import cv2

    order = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = order[2 if picture.ndim == 2 else picture.shape[2]]
    pixels = picture if code is None else cv2.cvtColor(picture, code)
    ok, data = cv2.imencode(".png", pixels)
    if not ok:
        raise PaintingError(f"a picture of shape {picture.shape} could not be written as PNG")
    return data.tobytes()


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode uint8 H×W×3 (RGB) as JPEG, for previews and sheets only."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _own_png(data: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise PaintingError(f"{name} is damaged ({error}): materialize it again") from error
    return image


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _sixteen_to_eight(image)
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            image = converted or image
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile says nothing: take the numbers as they are
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba)
    return image.convert("RGB")


def _sixteen_to_eight(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode.startswith("I") and values.max(initial=0) > 255 else 255.0
    return Image.fromarray(np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8))
