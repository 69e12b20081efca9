"""Opens picture files of many formats, with limits and error messages."""

import contextlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from deepart_assets.errors import PaintingError
from deepart_assets.imaging.colour import plain, to_srgb
from deepart_assets.imaging.deep_tiff import TIFF, open_deep_tiff

MAX_PIXELS = 400_000_000
"""Larger pictures are rejected as decompression bombs."""

Image.MAX_IMAGE_PIXELS = None  # `MAX_PIXELS` is checked before decoding

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP")
"""Supported formats. Others of Pillow are unlikely, and some start programs."""

_PNG = b"\x89PNG\r\n\x1a\n"

ORIENTATION = 0x0112
"""The EXIF and TIFF tag."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transposition to upright, by EXIF orientation."""

_SWAPPING = {TURNS[number] for number in (5, 6, 7, 8)}


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

    Decoding applies the EXIF orientation and the ICC profile, composites over white and converts
    any depth and mode to 8-bit sRGB. Of several frames or pages it takes the first.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Raises:
        PaintingError: The file is empty, too large or not a picture. The methods raise it if the
            file is truncated or damaged.
    """

    def __init__(self, data: bytes, name: str) -> None:
        if not data:
            raise PaintingError(f"{name} is empty: replace the file")
        self._name = name
        with _decode_errors(name):
            if data.startswith(_PNG):
                _check_sums(data)
            try:
                self._image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            except UnidentifiedImageError:
                if not data.startswith(TIFF):
                    raise PaintingError(f"{name} is {_kind(data)}: replace the file") from None
                self._image = open_deep_tiff(data, MAX_PIXELS)
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
            image, profile, turn = self._load()
            if turn is not None:
                image = image.transpose(turn)
            return np.asarray(to_srgb(plain(image), profile))

    def reduced(self, side: int) -> Reduced:
        """Decode and reduce each side of at least 8 times `side` to `side` by averaging.

        JPEG is decoded at up to 1/8 of its size, but at least 2 `side`, which is fast.
        """
        with _decode_errors(self._name):
            # For JPEG only. Less than 2 `side` would change the hashes.
            self._image.draft(None, (2 * side, 2 * side))
            image, profile, turn = self._load()
            image = _without_margin(plain(image), self._size)
            hidden = image.mode in ("LA", "RGBA") and image.getchannel("A").getextrema() == (0, 0)
            # Large boxes of whole pixels approximate the average.
            width, height = (side if size >= 8 * side else size for size in image.size)
            image = image.resize((width, height), Image.Resampling.BOX)
            width, height = self._size
            if turn is not None:
                image = image.transpose(turn)
                width, height = (height, width) if turn in _SWAPPING else (width, height)
            return Reduced(np.asarray(to_srgb(image, profile)), height, width, hidden)

    def _load(self) -> tuple[Image.Image, bytes | None, Image.Transpose | None]:
        """Load the pixels, then read the ICC profile and orientation, which may follow them."""
        with self._image as image:
            image.load()
            try:
                orientation = int(image.getexif().get(ORIENTATION, 1))
            except Exception:  # damaged EXIF data
                orientation = 1
            return image, image.info.get("icc_profile"), TURNS.get(orientation)


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
    except Exception as error:  # decoders raise errors of any kind
        # Pillow includes the repr of the stream, which differs each time.
        fault = re.sub(r" ?<[^<>]* at 0x[0-9a-f]+>", "", str(error)) or type(error).__name__
        raise PaintingError(
            f"{name} cannot be decoded ({fault}): replace the file with an intact one"
        ) from error


def _check_sums(data: bytes) -> None:
    """Check the checksums of a PNG, as zlib does not detect zeroed data.

    Raises:
        ValueError: A checksum is wrong.
    """
    view, start = memoryview(data), len(_PNG)
    while start + 12 <= len(data):
        length = int.from_bytes(view[start : start + 4], "big")
        kind, end = bytes(view[start + 4 : start + 8]), start + 8 + length
        if kind == b"IEND":
            return
        critical = kind in (b"IHDR", b"PLTE", b"IDAT")
        if critical and end + 4 <= len(data):
            found = zlib.crc32(view[start + 4 : end]).to_bytes(4, "big")
            if found != view[end : end + 4]:
                raise ValueError(f"the checksum of {kind.decode()} is wrong")
        start = end + 4


def _kind(data: bytes) -> str:
    """Describe a file that is not a picture."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return kind
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "an AVIF picture that is cut off or damaged"
    if data[4:8] == b"ftyp":
        return "a HEIF picture or a film, which is not read"
    if b"\0" not in start and start.isascii():
        return "a text"
    return "no picture in a format that is read"


_KINDS = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML file",
    b"%pdf": "a PDF file",
    b"%!ps": "a PostScript file",
    b"pk\x03\x04": "a zip archive",
    b"8bps": "a Photoshop file",
}
