"""Removes JPEG's blocks from a picture before a network enlarges it and sharpens them into facets.

How a picture was compressed is found by `imaging.jpeg_compression`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.jpeg_compression import BLOCK, blockiness, compressed, quality_of
from deepart_assets.super_resolution.upscaling.parts import Part
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler

HIGHEST = 90
"""Highest quality that is mended: above it nothing is seen."""

EVIDENCE = 0.5
"""Largest evidence of `quality_of` that is one: 0.07 or less where there was a JPEG, 0.95 or more
elsewhere (25 paintings, qualities 30 to 90)."""

BY_BLOCKINESS = (
    (1.10, 1.18, 1.23, 1.28, 1.43, 1.52, 1.63, 1.79),
    (90, 85, 80, 75, 60, 50, 40, 30),
)
"""Median blockiness of 25 paintings, and the quality they were compressed with."""

SHIFTS = tuple((row, column) for row in range(BLOCK) for column in range(row % 2, BLOCK, 2))
"""Every other place of the grid, as on a chequerboard; all 64 gain 0.02 dB more."""

SMALLEST = 2 * BLOCK

Pixels = NDArray[np.uint8]


def quality_to_mend(picture: Pixels, limit: float) -> int | None:
    """Return the quality of the JPEG whose blocks a picture shows, or None if it shows none.

    Args:
        picture: uint8, H×W×3.
        limit: Blockiness from which on a picture is mended even if no quality of libjpeg's fits, as
            with other programs' tables or where it was edited since.
    """
    import cv2

    if min(picture.shape[:2]) < SMALLEST:
        return None
    luma = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
    quality, evidence = quality_of(luma)
    if evidence <= EVIDENCE:
        return quality if quality <= HIGHEST else None
    if (found := blockiness(luma)) < limit:
        return None
    return round(float(np.interp(found, *BY_BLOCKINESS)))


def jpeg_to_mend(
    original: Pixels,
    low: Pixels,
    *,
    kept: bool,
    reduced: bool,
    limit: float | None,
) -> int | None:
    """Return the quality of the original's JPEG where the network sees its pixels as they are.

    Elsewhere it sees the original reduced, which leaves no blocks to speak of.

    Args:
        original: uint8, h×w×3.
        low: The outpainting, uint8, h×w×3.
        kept: Whether the result's subject is the original's.
        reduced: Whether the original is reduced to the result's size.
        limit: `maximal_blockiness`; None: nothing is mended.
    """
    at_its_size = not reduced if kept else original.shape == low.shape
    return quality_to_mend(original, limit) if at_its_size and limit is not None else None


def deblock(picture: Pixels, quality: int) -> Pixels:
    """Compress the picture again with the grid of blocks at many places, and average the results.

    Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG" (2001): blocks
    that lie elsewhere each time leave no border, while what the compression keeps stays. It needs
    no training, and serves any network after it.

    Args:
        picture: uint8, H×W×3.
        quality: That of the picture's own JPEG (`quality_to_mend`).

    Returns:
        uint8, H×W×3.
    """
    total = np.zeros(picture.shape, np.uint16)
    for shift in SHIFTS:
        total += compressed(picture, quality, shift, subsampled=False)
    return ((total + len(SHIFTS) // 2) // len(SHIFTS)).astype(np.uint8)


class DeblockingUpscaler:
    """A network that enlarges pictures whose JPEG blocks are removed first."""

    def __init__(self, network: NetworkUpscaler, quality: int) -> None:
        """Take what enlarges, and the quality of the JPEG."""
        self._network, self._quality = network, quality

    def __call__(self, picture: Pixels, parts: Sequence[Part] | None = None) -> Pixels:
        """Enlarge uint8 H×W×3, or parts of it, as `NetworkUpscaler`."""
        return self._network(deblock(picture, self._quality), parts)
