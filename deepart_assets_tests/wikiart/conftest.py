"""Generated pictures and sources made of bytes."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from deepart_assets.wikiart.sources import Picture, Source


def encode(image: Image.Image, form: str = "PNG", **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **more)
    return buffer.getvalue()


def noise(height: int = 20, width: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


class Shelf:
    """A source in memory that counts what is read from it."""

    def __init__(self, files: Mapping[str, bytes], csv: bytes | None = None, stamped: bool = True):
        self.files = dict(files)
        self.csv = csv
        self.stamped = stamped
        self.reads: list[str] = []

    def _read(self, path: str) -> bytes:
        self.reads.append(path)
        return self.files[path]

    def source(self) -> Source:
        pictures = tuple(
            Picture(path, lambda path=path: self._read(path), self._stamp(path))
            for path in sorted(self.files)
        )
        return Source("a shelf", pictures, self.csv)

    def _stamp(self, path: str) -> str | None:
        return f"{len(self.files[path])} {hash(self.files[path])}" if self.stamped else None


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the pictures that are really decoded, in the order of decoding."""
    from deepart_assets.wikiart import catalogue

    names: list[str] = []
    real = catalogue.decode_rgb

    def counting(data: bytes, name: str):
        names.append(name)
        return real(data, name)

    monkeypatch.setattr(catalogue, "decode_rgb", counting)
    return names


@pytest.fixture
def shelf():
    return Shelf


@pytest.fixture
def picture():
    """Bytes of a small PNG, different for each seed."""
    return lambda seed=0: encode(noise(seed=seed))
