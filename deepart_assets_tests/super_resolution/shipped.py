"""The CC0 paintings that come with the project, for tests on real brushwork."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import decode_rgb
from deepart_assets.settings.places import PROJECT

FILES = sorted((PROJECT / "data" / "sample" / "paintings").glob("*.jpg"))
NAMES = [file.stem for file in FILES]


@cache
def painting(name: str) -> NDArray[np.uint8]:
    """The whole painting, both sides cut to multiples of 4: uint8, H×W×3, not to be written to."""
    file = next(file for file in FILES if file.stem == name)
    picture = decode_rgb(file.read_bytes(), file.name)
    height, width = (length // 4 * 4 for length in picture.shape[:2])
    picture = np.ascontiguousarray(picture[:height, :width])
    picture.setflags(write=False)
    return picture


def middle_of(name: str, side: int) -> NDArray[np.uint8]:
    """The middle of a painting: uint8, side×side×3, its place a multiple of 4."""
    picture = painting(name)
    top, left = ((length - side) // 8 * 4 for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + side, left : left + side])
