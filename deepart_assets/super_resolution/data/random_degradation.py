"""Random blur and JPEG compression of LR crops, so that a network learns to undo them.

A single order of the degradations of Real-ESRGAN (Wang et al. 2021), without its noise and
resizing. The reduction itself is in `degradation`.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.jpeg_compression import BLOCK, compressed
from deepart_assets.settings.training import Degradations


def degrade(
    lr: NDArray[np.uint8], generator: np.random.Generator, choice: Degradations
) -> NDArray[np.uint8]:
    """Blur and compress a crop, each with its probability.

    The grid of JPEG's blocks lies at a random offset, as in a crop of a compressed picture. Half of
    the JPEGs have chroma at half the resolution, as most cameras and web pages write them.

    Args:
        lr: uint8, h×w×3.
        generator: The only source of randomness.
        choice: Probabilities and ranges.

    Returns:
        uint8, h×w×3.
    """
    import cv2

    if generator.random() < choice.blur_prob:
        sigma = generator.uniform(*choice.blur_sigma)
        lr = np.asarray(cv2.GaussianBlur(lr, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
    if generator.random() < choice.jpeg_prob:
        quality = int(generator.integers(*choice.jpeg_range, endpoint=True))
        top, left = (int(offset) for offset in generator.integers(BLOCK, size=2))
        lr = compressed(lr, quality, (top, left), subsampled=bool(generator.integers(2)))
    return lr
