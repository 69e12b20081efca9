"""LR/HR pairs as files: their layout in the lake, their format, and memory-mapped reading.

    lr_hr_pairs/pairs.json                    [{"id", "split", "hr": sha256, "lr": sha256}, …]
    lr_hr_pairs/<split>/{hr,lr}/<id>.tiff     one name for both pictures of a pair

A picture is an uncompressed TIFF with contiguous pixels. Memory-mapped, a crop reads only the pages
it touches and nothing is decoded. `benchmarks/pairs.py` compares other layouts.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.super_resolution.data.pairs import Pair, Split

PAIRS = "lr_hr_pairs"
"""The folder of the pairs, and the name of the asset."""

MANIFEST = f"{PAIRS}/pairs.json"
"""The list of all pairs: {"id", "split", "hr": sha256, "lr": sha256}."""

Kind = Literal["hr", "lr"]


def pair_folder(split: Split, kind: Kind) -> str:
    """Return the lake path of the folder with one half of the pairs of a split."""
    return f"{PAIRS}/{split}/{kind}"


def pair_path(split: Split, kind: Kind, painting: str) -> str:
    """Return the lake path of one picture of a pair."""
    return f"{pair_folder(split, kind)}/{painting}.tiff"


def encode_tiff(picture: NDArray[np.uint8]) -> bytes:
    """Encode uint8 H×W×3 (RGB) as an uncompressed TIFF; equal pixels give equal bytes."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture, photometric="rgb", metadata=None, software=False)
    return buffer.getvalue()


@dataclass(frozen=True)
class MappedPicture:
    """The pixels of a picture in a local file, `offset` in bytes and `shape` H×W×3."""

    file: Path
    offset: int
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, file: Path) -> MappedPicture:
        """Locate the pixels of a TIFF made by `encode_tiff`.

        Raises:
            PaintingError: The file is missing, truncated, or of another kind.
        """
        import tifffile

        try:
            with tifffile.TiffFile(file) as tiff:
                page = tiff.pages.first
                shape, offset = page.shape, page.dataoffsets[0]
                mappable = page.is_memmappable and page.dtype == np.uint8
        except (OSError, ValueError, LookupError, struct.error) as error:
            raise _damaged(file, str(error)) from error
        if not mappable or len(shape) != 3 or shape[2] != 3:
            raise _damaged(file, "it is not an uncompressed 8-bit RGB TIFF")
        height, width, channels = shape
        size = file.stat().st_size
        if size < offset + height * width * channels:
            raise _damaged(file, f"it ends after {size} bytes, before its last pixel")
        return cls(file, offset, (height, width, channels))

    def array(self) -> NDArray[np.uint8]:
        """Map the pixels: uint8, H×W×3, read-only. The file stays open as long as the array.

        Raises:
            PaintingError: The file has changed since.
        """
        try:
            return np.asarray(np.memmap(self.file, np.uint8, "r", self.offset, self.shape))
        except (OSError, ValueError) as error:
            raise _damaged(self.file, str(error)) from error


class StoredPair(Pair):
    """A pair on disk, whose arrays are memory-mapped on each access.

    Any number of pairs keeps no file open and no pixel in memory, and pickles are small.
    """

    _lr: MappedPicture
    _hr: MappedPicture

    def __init__(self, id: str, split: Split, lr: MappedPicture, hr: MappedPicture) -> None:
        for name, value in {"id": id, "split": split, "_lr": lr, "_hr": hr}.items():
            object.__setattr__(self, name, value)  # the class is frozen
        self._check(lr.shape, hr.shape)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of LR, without reading the file."""
        return self._lr.shape[:2]

    @property
    def lr(self) -> NDArray[np.uint8]:
        """The low resolution: uint8, h×w×3, read-only."""
        return self._lr.array()

    @property
    def hr(self) -> NDArray[np.uint8]:
        """The high resolution: uint8, 4h×4w×3, read-only."""
        return self._hr.array()


def open_pairs(lake: Lake, rows: Iterable[Mapping[str, Any]], cache: Path) -> list[StoredPair]:
    """Open the pairs of a manifest, in its order.

    A local lake is read in place. From a remote one each picture is fetched once into `cache`,
    where its name is its hash.

    Args:
        lake: Where the pairs are.
        rows: The rows of `MANIFEST`.
        cache: A local folder.

    Raises:
        PaintingError: A picture is missing, truncated or altered.
    """
    return [
        StoredPair(
            row["id"],
            row["split"],
            *(MappedPicture.of(_local_file(lake, row, kind, cache)) for kind in ("lr", "hr")),
        )
        for row in rows
    ]


def _local_file(lake: Lake, row: Mapping[str, Any], kind: Kind, cache: Path) -> Path:
    path = pair_path(row["split"], kind, row["id"])
    file = Path(lake.full_path(path))
    if file.is_file():
        return file
    copies, name = Lake(cache), f"{row[kind]}.tiff"
    if not copies.exists(name):
        try:
            data = lake.read(path)
        except FileNotFoundError as error:
            raise _damaged(path, "it is missing from the data lake") from error
        if sha256_of(data) != row[kind]:
            raise _damaged(path, "its SHA-256 is not the one of the manifest")
        copies.write(name, data)
    return Path(copies.full_path(name))


def _damaged(file: Path | str, fault: str) -> PaintingError:
    return PaintingError(f"{file} cannot be read ({fault}): materialize {PAIRS} again")
