"""Decodes picture files to sRGB, and encodes results."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging.containers import PNG, png_chunks
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

    if picture.ndim == 3:
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[picture.shape[2]]
        picture = np.asarray(cv2.cvtColor(picture, order))
    ok, data = cv2.imencode(".png", picture)
    if not ok:
        raise PaintingError(f"a picture of shape {picture.shape} could not be written as PNG")
    return with_text(data.tobytes(), text) if text else data.tobytes()


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
    before = takewhile(lambda chunk: chunk[0] != b"IDAT", png_chunks(png))
    header, *others = (kind + bytes(content) for kind, content in before)
    pixels = len(PNG) + sum(8 + len(body) for body in (header, *others))
    kept = (body for body in others if not body.startswith(replaced))
    chunks = (
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in (header, *bodies, *kept)
    )
    return b"".join([PNG, *chunks, png[pixels:]])


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
