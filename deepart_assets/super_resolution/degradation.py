"""MATLAB's bicubic resampling by 4, the degradation that super-resolution networks are trained on.

Belongs here: the kernel, reduction and enlargement by 4, and the pair made of one painting. Does
not belong here: general resizing (`imaging.geometry`), which rounds differently at the borders.

MATLAB's imresize (Keys 1981, a = -0.5) widens the kernel by the factor when it reduces, so that
nothing aliases, and mirrors the picture at its borders with the edge pixel repeated.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import resize, working_size

SCALE = 4


def cubic(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return Keys' cubic convolution kernel with a = -0.5 at distances in pixels."""
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def matlab_bicubic_reduce(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce a picture to a quarter of its sides as MATLAB's imresize does.

    Args:
        picture: uint8, H×W×3, both sides multiples of 4.

    Returns:
        uint8, H/4×W/4×3.

    Raises:
        PaintingError: A side is no multiple of 4.
    """
    import cv2

    height, width = picture.shape[:2]
    if height % SCALE or width % SCALE or not height or not width:
        raise PaintingError(
            f"a picture of {width}×{height} cannot be reduced by {SCALE}: crop its sides to"
            f" multiples of {SCALE} first"
        )
    # Output pixel k is centred between input pixels 4k+1 and 4k+2; the kernel reaches 8 each way.
    taps = np.arange(-6, 10)
    kernel = cubic((taps - 1.5) / SCALE)
    kernel /= kernel.sum()
    filtered = cv2.sepFilter2D(
        picture, cv2.CV_32F, kernel, kernel, anchor=(6, 6), borderType=cv2.BORDER_REFLECT
    )
    return _to_uint8(filtered[::SCALE, ::SCALE])


def matlab_bicubic_enlarge(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge a picture to four times its sides as MATLAB's imresize does.

    Args:
        picture: uint8, H×W×3, any size.

    Returns:
        uint8, 4H×4W×3.
    """
    import cv2

    height, width = picture.shape[:2]
    enlarged = np.empty((height * SCALE, width * SCALE, 3), np.float32)
    # The four output pixels inside an input pixel lie at these places about its centre.
    kernels = [cubic(np.arange(-2, 3) - place) for place in (-0.375, -0.125, 0.125, 0.375)]
    for row, down in enumerate(kernels):
        for column, across in enumerate(kernels):
            enlarged[row::SCALE, column::SCALE] = cv2.sepFilter2D(
                picture, cv2.CV_32F, across, down, borderType=cv2.BORDER_REFLECT
            )
    return _to_uint8(enlarged)


def lr_hr_pair(
    picture: NDArray[np.uint8], hr_side: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Make a training pair of a painting.

    HR is the painting with its smaller side reduced to `hr_side` by area averaging (a smaller
    painting keeps its size: an enlarged one would teach blur), cut at the right and at the bottom
    to multiples of 4. LR is its MATLAB bicubic reduction.

    Args:
        picture: uint8, H×W×3.
        hr_side: Smaller side of HR in pixels.

    Returns:
        LR (uint8, h×w×3) and HR (uint8, 4h×4w×3).

    Raises:
        PaintingError: A side is shorter than 4 pixels.
    """
    reduced = resize(picture, *working_size(picture.shape[0], picture.shape[1], hr_side))
    height, width = (side - side % SCALE for side in reduced.shape[:2])
    if not height or not width:
        raise PaintingError(
            f"a painting of {picture.shape[1]}×{picture.shape[0]} is too small for a pair"
        )
    hr = np.ascontiguousarray(reduced[:height, :width])
    return matlab_bicubic_reduce(hr), hr


def _to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
