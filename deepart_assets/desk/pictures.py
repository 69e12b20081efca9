"""Thumbnails and tiles of the lake's pictures, made when they are first asked for and kept."""

import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from deepart_assets import asset_names
from deepart_assets.imaging import PictureFile, decode_rgba, fit_within, over_checkerboard
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.storage.local_files import with_remedy, write_atomic

SIDES = (240, 480, 960, 1920)
"""Longer sides of thumbnails, in pixels."""

TILE = 512
"""Side of a tile, in pixels."""

CACHE_BYTES = 4 * 1024**3
"""What is kept on the disk, at most: of what is more, the oldest is removed."""

_PRUNE_EVERY = 500
"""Files written between two looks at the size of the cache."""

_QUALITY = 88

DECODED_PIXELS = 60_000_000
"""Thumbnails of larger pictures are averaged from whole pixels, which takes less memory."""

_JPEG = b"\xff\xd8"
"""How a file begins."""


class PictureCache:
    """JPEG thumbnails and tiles in a local folder, named after the version of their picture.

    Args:
        lake: Where the pictures are.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._folder = cache_folder() / "desk"
        self._decoding = threading.BoundedSemaphore(2)
        self._tiling = threading.Lock()
        self._written = 0

    def thumbnail(self, path: str, version: str, side: int) -> bytes:
        """Return a picture with its longer side reduced to `side`, as JPEG.

        Args:
            path: The picture's lake path.
            version: The first digits of its SHA-256.
            side: One of `SIDES`.

        Raises:
            FileNotFoundError: The picture is missing, or another one now.
            PaintingError: It cannot be decoded.
        """
        kept = self._folder / "thumbnails" / version[:2] / f"{version}-{side}.jpg"
        if kept.exists():
            return kept.read_bytes()
        with self._decoding:
            (data,) = thumbnails(self._lake, path, version, [side]).values()
        self._keep(kept, data)
        return data

    def size(self, path: str, version: str) -> tuple[int, int]:
        """Return a picture's height and width; makes its tiles if there are none."""
        facts = json.loads((self._tiles(path, version) / "size.json").read_bytes())
        return facts["height"], facts["width"]

    def tile(self, path: str, version: str, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPEG. At level 0 the whole picture is one tile; each level doubles it.

        Raises:
            FileNotFoundError: There is no such tile.
        """
        return (self._tiles(path, version) / f"{level}-{column}-{row}.jpg").read_bytes()

    def _tiles(self, path: str, version: str) -> Path:
        folder = self._folder / "tiles" / version[:2] / version
        done = folder / "size.json"
        if done.exists():
            return folder
        with self._tiling:  # one at a time: an enlarged picture is large
            if done.exists():
                return folder
            image = _decoded(self._lake, path, version)
            height, width = image.height, image.width
            for level in reversed(range(levels(height, width))):
                for row in range(-(-image.height // TILE)):
                    for column in range(-(-image.width // TILE)):
                        left, upper = column * TILE, row * TILE
                        right, lower = left + TILE, upper + TILE
                        box = left, upper, min(right, image.width), min(lower, image.height)
                        file = folder / f"{level}-{column}-{row}.jpg"
                        self._keep(file, _jpeg(image.crop(box)))
                if level:
                    half = max(1, -(-image.width // 2)), max(1, -(-image.height // 2))
                    image = image.resize(half, Image.Resampling.BOX)
            self._keep(done, json.dumps({"height": height, "width": width}).encode())
        return folder

    def _keep(self, file: Path, data: bytes) -> None:
        with with_remedy(f"The cache {self._folder}", "DEEPART_CACHE"):
            write_atomic(file, data)
        self._written += 1
        if self._written % _PRUNE_EVERY == 0:
            prune(self._folder, CACHE_BYTES)


def thumbnails(lake: Lake, path: str, version: str, sides: Sequence[int]) -> dict[int, bytes]:
    """Return a picture at several sizes, as JPEG by the longer side; it is decoded once.

    Args:
        lake: Where the picture is.
        path: Its lake path.
        version: The first digits of its SHA-256.
        sides: The longer sides in pixels; a smaller picture stays as it is.

    Raises:
        FileNotFoundError: The picture is missing, or another one now.
        PaintingError: It cannot be decoded.
    """
    image, found = _decoded(lake, path, version, max(sides)), {}
    for side in sides:
        height, width = fit_within(image.height, image.width, side)
        small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        found[side] = _jpeg(small)
    return found


def _decoded(lake: Lake, path: str, version: str, side: int | None = None) -> Image.Image:
    """Decode a picture; where `side` is all that is needed, perhaps not at its full size."""
    data = lake.read(path)
    if not sha256_of(data).startswith(version):
        raise FileNotFoundError(f"{path} is no longer the picture {version}")
    if path.startswith(f"{asset_names.UNFINISHED_PAINTINGS}/"):
        return Image.fromarray(over_checkerboard(decode_rgba(data, path)))
    file = PictureFile(data, path)
    if side is not None and (data.startswith(_JPEG) or file.pixels > DECODED_PIXELS):
        reduced = file.reduced(side)
        height, width = fit_within(reduced.height, reduced.width, side)
        return Image.fromarray(reduced.picture).resize((width, height), Image.Resampling.LANCZOS)
    return Image.fromarray(file.rgb())


def levels(height: int, width: int) -> int:
    """Return the number of levels of a picture's tiles."""
    return 1 + ((max(height, width) - 1) // TILE).bit_length()


def prune(folder: Path, limit: int) -> None:
    """Remove the oldest files below a folder until at most `limit` bytes are left.

    The size of a tiled picture goes with the first of its tiles, so that the rest is made again.
    """
    found = []
    for file in folder.rglob("*"):
        try:
            state = file.stat()
        except FileNotFoundError:
            continue
        if file.is_file():
            found.append((state.st_mtime, state.st_size, file))
    excess = sum(size for _, size, _ in found) - limit
    for _, size, file in sorted(found):
        if excess <= 0:
            break
        (file.parent / "size.json").unlink(missing_ok=True)
        file.unlink(missing_ok=True)
        excess -= size


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY, progressive=True)
    return buffer.getvalue()
