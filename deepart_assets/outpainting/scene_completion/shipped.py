"""Ready-made libraries of grounds: a folder of pictures with what is known of them.

`recipes/ground_library` makes one: `library.npz`, and for each ground a picture `<id>.webp`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import decode_rgb, resize, working_size
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.settings.grounds import BundledLibrary, Library
from deepart_assets.settings.places import PROJECT, project_path
from deepart_assets.storage import sha256_of, sha256_of_file

FOLDER = PROJECT / "data" / "grounds"
"""Holds the libraries that the project ships, each a folder."""

DEFAULT = "cc0"
"""The library of a profile that names none."""

INDEX, SUFFIX = "library.npz", ".webp"


@dataclass(frozen=True)
class ShippedLibrary:
    """A folder with `INDEX` and pictures."""

    folder: Path

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the files' SHA-256, one after the other, in the order of their names."""
        files = [self.folder / INDEX, *sorted(self.folder.glob(f"*{SUFFIX}"))]
        return sha256_of("".join(sha256_of_file(file) for file in files).encode())

    @cached_property
    def library(self) -> GroundLibrary:
        """The grounds.

        Raises:
            UnavailableError: The index is damaged, or another version's.
        """
        data = (self.folder / INDEX).read_bytes()
        return GroundLibrary.from_bytes(data, self.picture, str(self.folder / INDEX))

    def file(self, ground: str) -> Path:
        """Return where the picture of a ground is."""
        return self.folder / f"{ground}{SUFFIX}"

    def picture(self, ground: str, side: int) -> NDArray[np.uint8]:
        """Return the picture of a ground, its smaller side at most `side`: uint8, H×W×3, RGB.

        Raises:
            UnavailableError: It is missing.
            PaintingError: It is damaged.
        """
        file = self.file(ground)
        if not file.is_file():
            raise UnavailableError(f"{file} is missing: bring it back, or renew the library")
        whole = decode_rgb(file.read_bytes(), str(file))
        return resize(whole, *working_size(whole.shape[0], whole.shape[1], side))


def find_library(choice: Library) -> ShippedLibrary:
    """Return the library that a setting names.

    Raises:
        UnavailableError: There is none.
    """
    if isinstance(choice, BundledLibrary):
        folder = FOLDER / choice.name
        known = " or ".join(sorted(each.parent.name for each in FOLDER.glob(f"*/{INDEX}")))
        remedy = f"set grounds.libraries to {known}" if known else "take another out of a folder"
    else:
        folder = project_path(choice.path)
        remedy = "make it with recipes/ground_library, or correct grounds.libraries"
    if not (folder / INDEX).is_file():
        raise UnavailableError(f"There is no library of grounds {folder}: {remedy}")
    return ShippedLibrary(folder)


def shipped_folder() -> ShippedLibrary:
    """Return the folder of the library that the project ships.

    Raises:
        UnavailableError: It is missing.
    """
    return find_library(BundledLibrary(kind="bundled", name=DEFAULT))


def shipped_library() -> GroundLibrary:
    """Return the library that the project ships.

    Raises:
        UnavailableError: It is missing or damaged.
    """
    return shipped_folder().library
