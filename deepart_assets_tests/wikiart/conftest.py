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


KAGGLE_CSV = """\
artist,date,genre,pixelsx,pixelsy,size_bytes,source,style,title,artist_group,in_train,new_filename
Édouard Manet,1874,genre,9,9,9,x.jpg, Impressionism ,"Family, in ""Argenteuil\""",t,True,1.png
Илья Репин,,portrait,9,9,9,,Realism,Бурлаки,t,True,2.jpg
Somebody,,,,,,,Cubism,Not there,t,True,99.jpg
"""


class MemorySource:
    """A source in memory that counts what is read from it."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        csv: bytes | None = None,
        *,
        stamped: bool = True,
        name: str = "shelf",
        ignored: Mapping[str, str] | None = None,
    ):
        self.files = dict(files)
        self.name = name
        self.ignored = ignored or {}
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
        return Source(self.name, f"a shelf, {self.name}", pictures, self.csv, self.ignored)

    def _stamp(self, path: str) -> str | None:
        return f"{len(self.files[path])} {hash(self.files[path])}" if self.stamped else None


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the pictures that are really opened and decoded, in that order."""
    from deepart_assets.wikiart import examine

    names: list[str] = []

    class Counted(examine.PictureFile):
        def __init__(self, data: bytes, name: str) -> None:
            names.append(name)
            super().__init__(data, name)

    monkeypatch.setattr(examine, "PictureFile", Counted)
    return names


@pytest.fixture(scope="session")
def shelf():
    return MemorySource


@pytest.fixture
def picture():
    """Bytes of a small PNG, different for each seed."""
    return lambda seed=0: encode(noise(seed=seed))


@pytest.fixture
def kaggle_csv() -> str:
    """Rows in Kaggle's columns: two for pictures that some tests have, and one for none."""
    return KAGGLE_CSV
