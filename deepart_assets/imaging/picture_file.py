"""Opens picture files of many formats, with limits and error messages."""

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from deepart_assets.errors import PaintingError
from deepart_assets.imaging.colour import to_srgb
from deepart_assets.imaging.decoding import Decoded, decode, decode_deep
from deepart_assets.imaging.geometry import TURNED, upright
from deepart_assets.imaging.jpeg import unread_kind, with_end
from deepart_assets.imaging.kinds import extra_formats, kind_of
from deepart_assets.imaging.tiff_pages import MAGIC, tiff_dots_per_inch, tiff_size
from deepart_assets.imaging.unsupported import Unsupported

MAX_PIXELS = 400_000_000
"""Larger pictures are rejected as decompression bombs."""

Image.MAX_IMAGE_PIXELS = None  # `MAX_PIXELS` is checked before decoding
PngImagePlugin.MAX_TEXT_CHUNK = 64 * 1024**2  # profiles of printers have more than Pillow's 1 MB

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP")
"""Supported formats. Others of Pillow are unlikely, and some start programs."""


@dataclass(frozen=True)
class Reduced:
    """A picture decoded at a fraction of its size."""

    picture: NDArray[np.uint8]
    """sRGB, H×W×3; the aspect ratio may differ from the original."""
    height: int
    """Of the upright original, in pixels."""
    width: int
    is_transparent: bool
    """Whether every pixel is fully transparent."""


class PictureFile:
    """A picture file whose header has been read; call `rgb` or `reduced` once to decode it.

    Decoding applies the orientation, converts any depth, mode and colour space to 8-bit sRGB, and
    composites over white. Of several frames it takes the first, of several pages the largest.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Attributes:
        colour: Once decoded, the colour space that the file was taken to be in, and by what.
        warnings: Once decoded, what was taken for granted and may be wrong.

    Raises:
        PaintingError: The file is empty, too large, not a picture or not supported. The methods
            raise it if the file is truncated, damaged or not supported.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if not data:
            raise PaintingError(f"{name} is empty: replace the file")
        self._name, self._data = name, data
        self.colour = ""
        self.warnings: tuple[str, ...] = ()
        self._image: Image.Image | None = None
        with _decode_errors(name):
            if data.startswith(MAGIC):
                self._size = tiff_size(data)
            else:
                self._image = _opened(data, name)
                self._size = self._image.size
        if self.pixels > MAX_PIXELS:
            raise PaintingError(
                f"{name} has {self._size[0]}×{self._size[1]} pixels, more than"
                f" {MAX_PIXELS // 1_000_000} million: reduce it first"
            )

    @property
    def pixels(self) -> int:
        """The number of pixels, from the header."""
        return self._size[0] * self._size[1]

    def rgb(self) -> NDArray[np.uint8]:
        """Decode the picture: sRGB uint8, H×W×3."""
        with _decode_errors(self._name):
            decoded = self._decoded()
            picture = np.asarray(to_srgb(decoded.image, decoded.profile))
            return upright(picture, decoded.orientation)

    def rgb16(self) -> NDArray[np.uint16] | None:
        """Decode a picture of more than 8 bits: sRGB uint16, H×W×3; None where it has 8."""
        with _decode_errors(self._name):
            found = decode_deep(self._image, self._data)
            return None if found is None else upright(*found)

    @property
    def dots_per_inch(self) -> float | None:
        """The resolution that the file names, if it names one."""
        try:
            if self._data.startswith(MAGIC):
                found = tiff_dots_per_inch(self._data)
            else:
                with Image.open(io.BytesIO(self._data)) as opened:
                    found = float(opened.info["dpi"][0])
        except Exception:  # most files name none; values may be of any kind
            return None
        return found if 1 < found < 100_000 else None

    def reduced(self, side: int) -> Reduced:
        """Decode and reduce each side of at least 8 times `side` to `side` by averaging.

        JPEG is decoded at up to 1/8 of its size, but at least 2 `side`, which is fast.
        """
        with _decode_errors(self._name):
            if self._image is not None:
                # For JPEG only. Less than 2 `side` would change the hashes.
                self._image.draft(None, (2 * side, 2 * side))
            decoded = self._decoded()
            image = _without_margin(decoded.image, self._size)
            hidden = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (0, 0)
            # Large boxes of whole pixels approximate the average.
            width, height = (side if size >= 8 * side else size for size in image.size)
            image = image.resize((width, height), Image.Resampling.BOX)
            picture = np.asarray(to_srgb(image, decoded.profile))
            width, height = self._size[::-1] if decoded.orientation in TURNED else self._size
            return Reduced(upright(picture, decoded.orientation), height, width, hidden)

    def _decoded(self) -> Decoded:
        decoded = decode(self._image, self._data)
        self.colour, self.warnings = decoded.colour, decoded.warnings
        return decoded


def _opened(data: bytes, name: str) -> Image.Image:
    """Open a picture of one of the `FORMATS`, or of those that an installed extra reads."""
    if (unread := unread_kind(data)) is not None:
        raise PaintingError(f"{name} is {unread}: export it as TIFF or PNG")
    extra = extra_formats(data)
    try:
        return Image.open(io.BytesIO(with_end(data)), formats=(*FORMATS, *extra))
    except Exception as error:
        # Of a damaged JPEG XL file libjxl says how it should be built.
        if "JXL" in extra or isinstance(error, UnidentifiedImageError):
            raise PaintingError(f"{name} is {kind_of(data)}") from None
        raise


def _without_margin(image: Image.Image, whole: tuple[int, int]) -> Image.Image:
    """Crop the fraction of the last pixels of a reduced JPEG that is outside the original."""
    factor = max(round(whole[0] / image.width), round(whole[1] / image.height))
    box = (0, 0, whole[0] / factor, whole[1] / factor)
    if box[2:] == image.size:
        return image
    return image.resize(image.size, Image.Resampling.BILINEAR, box=box)


@contextlib.contextmanager
def _decode_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (PaintingError, MemoryError):
        raise
    except Unsupported as error:
        raise PaintingError(f"{name} {error}") from error
    except Exception as error:  # decoders raise errors of any kind
        # Pillow names the stream, at another address each time; libheif ends with a line break.
        words = re.sub(r" ?<[^<>]* at 0x[0-9a-f]+>", "", str(error)).split()
        fault = " ".join(words) or type(error).__name__
        raise PaintingError(
            f"{name} cannot be decoded ({fault}): replace the file with an intact one"
        ) from error
