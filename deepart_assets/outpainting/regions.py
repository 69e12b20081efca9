"""The two regions of a result, subject and surround: where they are, and what colours they have.

The measures of faults are in `measures`.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import working_size
from deepart_assets.outpainting.tone import lab_of

COLOUR_SIDE = 96
"""Smaller side at which colours are compared, in pixels."""


def reduced(
    unfinished: NDArray[np.uint8], result: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Reduce a result to a smaller side of at most `side` pixels.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.
        side: In pixels.

    Returns:
        Where the subject is, bool, h×w, and the picture, uint8, h×w×3.
    """
    import cv2

    height, width = working_size(result.shape[0], result.shape[1], side)
    known = (unfinished[..., 3] == 255).astype(np.float32)
    # Both alike: the nearest pixel of the mask would be the upper left one of those averaged.
    share, small = (
        cv2.resize(each, (width, height), interpolation=cv2.INTER_AREA) for each in (known, result)
    )
    return np.asarray(share >= 0.5), np.asarray(small)


def region_colours(
    unfinished: NDArray[np.uint8], result: NDArray[np.uint8], most: int = 500
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return `most` CIELAB colours, float32, n×3, of the surround and as many of the subject.

    They are drawn with replacement, the same at each call. None where either is too small.
    """
    known, picture = reduced(unfinished, result, COLOUR_SIDE)
    lab = lab_of(picture)
    around, inside = lab[distance(known) > 3], lab[known]
    if min(len(around), len(inside)) < 50:
        return None
    random = np.random.default_rng(0)
    return random.choice(around, most), random.choice(inside, most)


def blur(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return values, float32, H×W, blurred by a Gaussian of so many pixels."""
    import cv2

    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(values), (0, 0), sigma))


def distance(known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of each pixel to the subject (True) in pixels, 0 inside: float32, H×W."""
    import cv2

    return np.asarray(cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5))


def direction(
    away: NDArray[np.float32], sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the unit vectors away from the subject, and how certain they are.

    Args:
        away: The distance to the subject, float32, H×W.
        sigma: By how many pixels it is blurred first.

    Returns:
        x, y and certainty, each float32, H×W; the last in [0, 1].
    """
    down, across = np.gradient(blur(away, sigma))
    length = np.hypot(across, down) + 1e-6
    return across / length, down / length, length
