"""Decodes picture files to sRGB, and encodes results."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging.picture_file import PictureFile


def decode_rgb(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a picture file of any kind that `PictureFile` reads to sRGB.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Returns:
        uint8, H×W×3, in [0, 255].

    Raises:
        PaintingError: The file is empty, truncated, damaged, too large or not a picture.
    """
    return PictureFile(data, name).rgb()


def decode_rgba(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a PNG that the pipeline wrote with an alpha channel: uint8, H×W×4."""
    return np.asarray(_own_png(data, name).convert("RGBA"))


def decode_grey(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a one-channel PNG that the pipeline wrote: uint8, H×W."""
    return np.asarray(_own_png(data, name).convert("L"))


def encode_png(picture: NDArray[np.uint8], text: Mapping[str, str] | None = None) -> bytes:
    """Encode uint8 H×W, H×W×3 (RGB) or H×W×4 (RGBA) as PNG, fast rather than small.

    Args:
        picture: The pixels.
        text: Texts in the file by keyword (`iTXt` chunks), which picture viewers show; such a file
            also says that it is sRGB.
    """
    import cv2

    order = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = order[2 if picture.ndim == 2 else picture.shape[2]]
    pixels = picture if code is None else cv2.cvtColor(picture, code)
    ok, data = cv2.imencode(".png", pixels)
    if not ok:
        raise PaintingError(f"a picture of shape {picture.shape} could not be written as PNG")
    return with_text(data.tobytes(), text) if text else data.tobytes()


_SIGNATURE, _CHUNK = 8, 12
"""Lengths in a PNG: of its signature, and of a chunk without its data."""


def with_text(png: bytes, text: Mapping[str, str], exif: bytes | None = None) -> bytes:
    """Insert texts in UTF-8, and the tag of sRGB, after a PNG's header.

    Args:
        png: What was there of these before its pixels is replaced.
        text: Texts by keyword; "" removes one.
        exif: The data of the chunk `eXIf`; None: as it is.
    """
    texts = {b"iTXt" + keyword.encode("latin-1") + b"\0": text[keyword] for keyword in text}
    bodies = [b"sRGB\0"] + ([] if exif is None else [b"eXIf" + exif])
    replaced = (*(body[:4] for body in bodies), *texts)
    bodies += [start + b"\0\0\0\0" + words.encode() for start, words in texts.items() if words]
    chunks = [
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in bodies
    ]
    header, *others = _before_pixels(png)
    kept = [each for each in others if not each[4:].startswith(replaced)]
    pixels = _SIGNATURE + len(header) + sum(map(len, others))
    return b"".join([png[:_SIGNATURE], header, *chunks, *kept, png[pixels:]])


def _before_pixels(png: bytes) -> Iterator[bytes]:
    """Yield the chunks of a PNG that come before its pixels."""
    start = _SIGNATURE
    while png[start + 4 : start + 8] not in (b"IDAT", b""):
        end = start + _CHUNK + int.from_bytes(png[start : start + 4], "big")
        yield png[start:end]
        start = end


def text_of(png: bytes) -> dict[str, str]:
    """Return the texts of a PNG by keyword."""
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return {name: str(words) for name, words in getattr(image, "text", {}).items()}


def encode_ids(ids: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Encode ids, uint8 H×W, as a PNG with an RGB palette (0 to 255) to display them."""
    image = Image.fromarray(ids, mode="L")
    image.putpalette([level for colour in palette for level in colour])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode uint8 H×W×3 (RGB) as JPEG, for previews and sheets."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _own_png(data: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise PaintingError(f"{name} is damaged ({error}): materialize it again") from error
    return image
