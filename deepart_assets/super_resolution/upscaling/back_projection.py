"""Enlarges a picture a little without a network: cubic interpolation, then back-projection.

Up to about twice its size, what a picture shows decides nearly all of the result, and a ×4 network,
whose result has to be reduced again, adds nothing to it (docs/benchmarks/upscaling.md).
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize

LARGEST = 2.1
"""Factor up to which this is as good as a ×4 network. Sides are rounded: twice is often 2.002."""

STEPS = 3
"""The fourth adds 0.01 dB."""


def suffices(picture: NDArray[np.uint8], size: tuple[int, int]) -> bool:
    """Whether a picture is enlarged to this height and width by `LARGEST` at most."""
    return size[0] * size[1] <= LARGEST**2 * picture.shape[0] * picture.shape[1]


def back_projected(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the picture enlarged so that, reduced again, it is the picture.

    By how much the reduced result differs from the picture is enlarged and added, a few times:
    Irani and Peleg, "Improving Resolution by Image Registration" (1991), for a single picture.

    Args:
        picture: uint8, h×w×3.
        height: Rows of the result, h or more.
        width: Columns of the result, w or more.

    Returns:
        uint8, height×width×3.
    """
    result = np.empty((height, width, picture.shape[2]), np.uint8)
    for channel in range(picture.shape[2]):  # in float32, only one at a time
        given = picture[..., channel].astype(np.float32)
        enlarged = resize(given, height, width)
        for _ in range(STEPS):
            enlarged = enlarged + resize(given - resize(enlarged, *given.shape), height, width)
        result[..., channel] = np.round(np.clip(enlarged, 0, 255))
    return result
