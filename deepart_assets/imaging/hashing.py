"""Perceptual hashes: 64 bits that are robust to scaling and recompression."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepart_assets.imaging.geometry import resize

_SIDE, _KEPT = 32, 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG


def _cosines() -> NDArray[np.float64]:
    """Return rows 1 to 8 of the orthonormal DCT-II of 32 points; row 0, the mean, is left out."""
    frequencies, points = np.arange(1, _KEPT + 1)[:, None], np.arange(_SIDE)
    return np.sqrt(2 / _SIDE) * np.cos(np.pi * (2 * points + 1) * frequencies / (2 * _SIDE))


_DCT = _cosines()


def perceptual_hash(picture: NDArray[np.uint8]) -> int:
    """Return the DCT hash of a picture (C. Zauner, Implementation and Benchmarking of Perceptual
    Image Hash Functions, 2010, section 3.2.1).

    The picture is reduced to 32×32 grey values. Of the 8×8 lowest frequencies of their DCT, without
    row and column 0, a bit is set where the coefficient is above the median: row by row, the
    lowest frequency first (most significant). A uniform picture has no bit set.

    Args:
        picture: uint8, H×W (grey) or H×W×3 (RGB).
    """
    small = resize(picture, _SIDE, _SIDE).astype(np.float32)
    grey = small @ _LUMA if small.ndim == 3 else small
    # Rounded, so that rounding noise sets no bit in a uniform picture.
    kept = np.round(_DCT @ grey.astype(np.float64) @ _DCT.T, 3)
    bits = (kept > np.median(kept)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_to_hex(value: int) -> str:
    """Write a perceptual hash as 16 hexadecimal digits."""
    return f"{value:016x}"


def hashes_from_hex(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Read perceptual hashes from hexadecimal digits: uint64, N."""
    return np.array([int(text, 16) for text in texts], np.uint64)


def hamming(first: ArrayLike, second: ArrayLike) -> NDArray[np.uint8]:
    """Return the number of differing bits; integers or uint64 arrays, broadcast."""
    differing = np.asarray(first, np.uint64) ^ np.asarray(second, np.uint64)
    return np.asarray(np.bitwise_count(differing))
