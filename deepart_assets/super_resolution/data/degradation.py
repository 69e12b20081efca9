"""The reduction and enlargement by 4 that super-resolution networks are trained and measured with.

MATLAB's imresize (Keys 1981, a = -0.5) widens the kernel by the factor when it reduces, so that
nothing aliases, and mirrors the picture at its borders with the edge pixel repeated. General
resizing is in `imaging.geometry`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import resize, working_size
from deepart_assets.settings.super_resolution import Degradation

SCALE = 4


def cubic(distance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return Keys' cubic convolution kernel with a = -0.5 at distances in pixels."""
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def matlab_bicubic_reduce(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce a picture to a quarter of its sides as MATLAB's imresize does.

    Computes the remaining pixels only, as products with a small banded matrix of the kernel's 16
    taps: first down the columns, then, transposed, along the rows. Nothing is rounded or
    clipped in between, so the result is within one grey level of MATLAB's.

    Args:
        picture: uint8, H×W×3, both sides multiples of 4.

    Returns:
        uint8, H/4×W/4×3.
    """
    import cv2

    turned = cv2.transpose(_reduce_rows(picture))
    return np.asarray(cv2.transpose(_to_uint8(_reduce_rows(turned))))


def area_jpeg_reduce(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce a picture to a quarter of its sides as the original notebook does.

    Area averaging (OpenCV's INTER_AREA), then once through a JPEG as `cv2.imwrite` writes it:
    quality 95, chroma at half the resolution.

    Args:
        picture: uint8, H×W×3 (RGB), both sides multiples of 4.

    Returns:
        uint8, H/4×W/4×3.
    """
    import cv2

    size = (picture.shape[1] // SCALE, picture.shape[0] // SCALE)
    reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(reduced, cv2.COLOR_RGB2BGR))
    return np.asarray(cv2.cvtColor(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


REDUCTIONS: Mapping[Degradation, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "bicubic": matlab_bicubic_reduce,
    "area_jpeg": area_jpeg_reduce,
}
"""The reductions from HR to LR, by their name in the settings."""


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
    picture: NDArray[np.uint8], hr_side: int, degradation: Degradation = "bicubic"
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Make a training pair of a painting.

    HR is the painting with its smaller side reduced to `hr_side` by area averaging (a smaller
    painting keeps its size: an enlarged one would teach blur), cut at the right and at the bottom
    to multiples of 4. LR is HR reduced. With "area_jpeg" only LR is compressed: the original
    notebook compresses HR too, which teaches the network to draw JPEG blocks.

    Args:
        picture: uint8, H×W×3.
        hr_side: Smaller side of HR in pixels.
        degradation: How LR is made (`REDUCTIONS`).

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
    return REDUCTIONS[degradation](hr), hr


TAPS = np.arange(-6, 10)
"""Output pixel k is centred between input pixels 4k+1 and 4k+2; the kernel reaches 8 each way."""

ROWS_AT_ONCE = 4
"""Output rows per product. More multiply zeros of the matrix, fewer convert pixels twice."""


def _reduce_rows(picture: NDArray) -> NDArray[np.float32]:
    """Reduce H×W×3 to H/4×W×3 by MATLAB's kernel; the picture is mirrored above and below."""
    height = len(picture)
    lines = picture.reshape(height, -1)
    mirrored = np.pad(np.arange(height), (-TAPS[0], TAPS[-1] - SCALE + 1), mode="symmetric")
    kernel = cubic((TAPS - (SCALE - 1) / 2) / SCALE)
    band = np.zeros((ROWS_AT_ONCE, SCALE * (ROWS_AT_ONCE - 1) + len(TAPS)), np.float32)
    for row in range(ROWS_AT_ONCE):
        band[row, SCALE * row : SCALE * row + len(TAPS)] = kernel / kernel.sum()
    reduced = np.empty((height // SCALE, lines.shape[1]), np.float32)
    for start in range(0, len(reduced), ROWS_AT_ONCE):
        made = reduced[start : start + ROWS_AT_ONCE]
        reach = SCALE * (len(made) - 1) + len(TAPS)
        read = lines[mirrored[SCALE * start : SCALE * start + reach]]
        np.matmul(band[: len(made), :reach], read.astype(np.float32), out=made)
    return reduced.reshape(-1, *picture.shape[1:])


def _to_uint8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
