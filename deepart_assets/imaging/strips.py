"""Pixels converted a strip of rows at a time: what a conversion needs meanwhile is small."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

STRIP = 1 << 18
"""Pixels converted at a time: many enough for the time, and few beside those of a picture."""


def in_strips(convert: Callable[..., NDArray], *arrays: NDArray) -> NDArray:
    """Return `convert(*arrays)`, computed in strips of rows.

    Args:
        convert: Converts each pixel by itself.
        arrays: Of the same pixels: H×W or H×W×channels.
    """
    height, width = arrays[0].shape[:2]
    rows = max(1, STRIP // max(1, width))
    converted = convert(*(each[:rows] for each in arrays))
    if height <= rows:
        return converted
    result = np.empty((height, *converted.shape[1:]), converted.dtype)
    result[:rows] = converted
    for top in range(rows, height, rows):
        result[top : top + rows] = convert(*(each[top : top + rows] for each in arrays))
    return result
