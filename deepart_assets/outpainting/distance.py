"""Kernel distance between sets of pictures in the feature space of a network.

KID (Bińkowski et al. 2018, "Demystifying MMD GANs") with EfficientNet-Lite0 in place of Inception,
which no Python package ships: values are comparable with each other, not with published ones.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised, weights_file
from deepart_assets.imaging import resize
from deepart_assets.storage import sha256_of_file

NAME = "KID, EfficientNet-Lite0"
SIDE = 224
"""Side of a window in pixels: the network's input size."""
ACROSS = 3
"""Windows along the longer side; two along the shorter."""
BATCH = 8
OTHERWISE = "no kernel distance (leave the package out)"


class KernelDistance:
    """Extracts features for `kernel_distance`; the network is loaded at the first use."""

    @cached_property
    def version(self) -> str:
        """The SHA-256 of the network's weights.

        Raises:
            UnavailableError: Its packages are not installed.
        """
        return sha256_of_file(weights_file(OTHERWISE))

    def features(self, pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Return the features of all windows of the pictures: float64, n×1280."""
        import torch

        squares = np.concatenate([windows(picture) for picture in pictures])
        seen = []
        with torch.inference_mode():
            for start in range(0, len(squares), BATCH):
                batch = torch.from_numpy(squares[start : start + BATCH]).permute(0, 3, 1, 2)
                maps = self._network.extract_features(normalised(batch.float() / 255))
                seen.append(maps.mean(dim=(2, 3)).double().numpy())
        return np.concatenate(seen)

    @cached_property
    def _network(self) -> Any:
        return efficientnet_lite0(OTHERWISE).eval()


def windows(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 2×3 overlapping squares that cover a picture: uint8, 6×224×224×3.

    The picture is resized to a smaller side of 1.75 windows, so that the features cover brushwork
    as well as composition; the aspect ratio is kept.
    """
    height, width = picture.shape[:2]
    factor = round(SIDE * 1.75) / min(height, width)
    rows, columns = (max(SIDE, round(side * factor)) for side in (height, width))
    small = resize(picture, rows, columns)
    down, across = (ACROSS, 2) if height >= width else (2, ACROSS)
    tops = [(rows - SIDE) * part // (down - 1) for part in range(down)]
    lefts = [(columns - SIDE) * part // (across - 1) for part in range(across)]
    return np.stack([small[top : top + SIDE, left : left + SIDE] for top in tops for left in lefts])


def kernel_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the unbiased squared MMD with the kernel (x·y / d + 1)³ (Equation 4 of the paper).

    Args:
        first: n×d, n at least 2.
        second: m×d, m at least 2.

    Returns:
        About 0 for samples of one distribution (it may be negative); larger if they differ.
    """

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: NDArray[np.float64]) -> float:
        values = kernel(x, x)
        count = len(x)
        return float((values.sum() - np.trace(values)) / (count * (count - 1)))

    return within(first) + within(second) - 2 * float(kernel(first, second).mean())


def spread(
    first: NDArray[np.float64], second: NDArray[np.float64], groups: Sequence[int], seed: int = 0
) -> float:
    """Return the standard deviation of the distance over random halves of the pictures.

    Args:
        first: n×d.
        second: m×d; always used whole.
        groups: The index of the picture that each row of `first` comes from.
        seed: Seed of the random halves.
    """
    random = np.random.default_rng(seed)
    names = np.unique(groups)
    drawn = []
    for _ in range(50):
        some = random.choice(names, max(2, len(names) // 2), replace=False)
        drawn.append(kernel_distance(first[np.isin(groups, some)], second))
    return float(np.std(drawn))
