"""What the odd picture files have in common: the picture they show, and ways to save it."""

import io
import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import tifffile
from PIL import Image

WIDTH, HEIGHT = 64, 48
QUARTERS = ((200, 60, 40), (40, 160, 70), (50, 70, 190), (220, 200, 90))
"""Colours of the four quarters of the picture that most files hold: they show any turn."""

# What is seen of stored rows and columns, by EXIF's orientation (CIPA DC-008, 4.6.4 A).
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@dataclass(frozen=True)
class Odd:
    """A file, and the picture that it holds (uint8, H×W×3) or the words of its quarantine."""

    path: str
    data: bytes
    picture: np.ndarray | None = None
    tolerance: int = 2
    reason: str = ""


def painting(mark: int = 0) -> np.ndarray:
    """Four quarters; `mark` tells one from the other without being seen."""
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rows, columns = HEIGHT // 2, WIDTH // 2
    for number, colour in enumerate(QUARTERS):
        top, left = number // 2 * rows, number % 2 * columns
        picture[top : top + rows, left : left + columns] = colour
    picture[0, 0] = mark % 256, mark // 256, 0
    return picture


def grey_of(picture: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luma in three channels."""
    luma = np.round(picture @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=2)


def over_white(picture: np.ndarray, alpha: float) -> np.ndarray:
    return np.round(picture * alpha + 255 * (1 - alpha)).astype(np.uint8)


def save(image: Image.Image | np.ndarray, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(buffer, form, **options)
    return buffer.getvalue()


def save_tiff(values: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(buffer, values, photometric=kind, **options)
    return buffer.getvalue()


def save_cv2(suffix: str, values: np.ndarray) -> bytes:
    if values.ndim == 3:
        values = values[..., [2, 1, 0, 3][: values.shape[2]]]
    ok, data = cv2.imencode(suffix, values)
    assert ok
    return data.tobytes()


def grey_in_three(values: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)


def png(header: bytes, raw: bytes) -> bytes:
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
