"""Enlarging pictures of any size by 4, in tiles.

Belongs here: what an upscaler is, the bicubic one, and the network's with its tiles and memory.
Does not belong here: reading weights (`weights`), judging results (`evaluation`).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.degradation import SCALE, matlab_bicubic_enlarge

if TYPE_CHECKING:
    import torch
    from torch import nn

SMALLEST_TILE = 16
"""Halving stops here when memory runs out: a smaller tile would be all overlap."""

_log = logging.getLogger(__name__)


class Upscaler(Protocol):
    """Something that enlarges pictures."""

    scale: int

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge uint8 H×W×3 to uint8 (scale·H)×(scale·W)×3."""
        ...


class BicubicUpscaler:
    """MATLAB's bicubic interpolation: the baseline of the super-resolution field."""

    scale = SCALE

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge uint8 H×W×3 to uint8 4H×4W×3."""
        return matlab_bicubic_enlarge(picture)


class RRDBNetUpscaler:
    """An RRDBNet ×4 that is loaded at the first call, on CUDA where there is a device."""

    scale = SCALE

    def __init__(self, weights: bytes, settings: Upscaling, name: str = "the weights") -> None:
        """Keep the bytes of a file of weights (`weights.read_state`) and its name for messages."""
        self._weights = weights
        self._settings = settings
        self._name = name
        self._net: nn.Module | None = None

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge uint8 H×W×3 (both sides at least 1) to uint8 4H×4W×3.

        Raises:
            UnavailableError: The weights are not those of an RRDBNet ×4.
            PaintingError: The network gives values that are not finite for this picture.
        """
        if self._net is None:
            from deepart_assets.super_resolution.weights import load_network

            net = load_network(self._weights, self._name)
            self._net = on_best_device(net)
        return enlarge(self._net, picture, self._settings)


def best_device() -> torch.device:
    """Return the CUDA device where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_best_device(net: nn.Module) -> nn.Module:
    """Move a network there, channels last: 2 to 3 times as fast on a CPU, the same numbers."""
    import torch

    net.to(best_device())
    for weight in net.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return net


def enlarge(net: nn.Module, picture: NDArray[np.uint8], settings: Upscaling) -> NDArray[np.uint8]:
    """Enlarge a picture with a network, tile by tile.

    Each tile is read with `overlap` pixels of context on all sides, of which nothing is kept. The
    picture's own borders get mirrored context, as in the degradation. When the memory of a CUDA
    device runs out the tile is halved, which the log tells.

    Args:
        net: ×4, in evaluation mode, on its device.
        picture: uint8, H×W×3, both sides at least 1.
        settings: Tile and overlap.

    Returns:
        uint8, 4H×4W×3, rounded.

    Raises:
        PaintingError: The network's output is not finite.
    """
    import torch

    tile = settings.tile
    while True:
        try:
            return _enlarge(net, picture, tile, settings.overlap)
        except torch.OutOfMemoryError:
            if tile // 2 < SMALLEST_TILE:
                raise
            tile //= 2
            torch.cuda.empty_cache()
            _log.warning("out of memory: tiles of %d pixels for this picture", tile)


def _enlarge(
    net: nn.Module, picture: NDArray[np.uint8], tile: int, overlap: int
) -> NDArray[np.uint8]:
    import torch

    height, width = picture.shape[:2]
    edges = ((overlap, overlap), (overlap, overlap), (0, 0))
    padded = torch.from_numpy(np.pad(picture, edges, mode="symmetric"))
    device = next(net.parameters()).device
    result = np.empty((height * SCALE, width * SCALE, 3), np.uint8)
    with torch.inference_mode():
        for rows in _spans(height, tile):
            for columns in _spans(width, tile):
                window = padded[
                    rows.start : rows.stop + 2 * overlap, columns.start : columns.stop + 2 * overlap
                ]
                # H×W×3 seen as 1×3×H×W is "channels last" already.
                batch = window.to(device).permute(2, 0, 1)[None].to(torch.float32) / 255
                enlarged = net(batch.contiguous(memory_format=torch.channels_last))
                inner = enlarged[0, :, *(_inner(span, overlap) for span in (rows, columns))]
                if not bool(torch.isfinite(inner).all()):
                    raise PaintingError(
                        "the super-resolution network gives values that are not finite here:"
                        " train it with a lower learning rate or use other weights"
                    )
                pixels = (inner.clamp(0, 1) * 255).round().to(torch.uint8)
                result[_times_scale(rows), _times_scale(columns)] = pixels.permute(1, 2, 0).cpu()
    return result


def _spans(length: int, tile: int) -> Iterator[slice]:
    """Cut [0, length) into the fewest spans of at most `tile`, of nearly equal lengths."""
    count = -(-length // tile)
    bounds = [length * index // count for index in range(count + 1)]
    for start, stop in itertools.pairwise(bounds):
        yield slice(start, stop)


def _inner(span: slice, overlap: int) -> slice:
    """Where a tile's own pixels are in its enlarged window."""
    return slice(overlap * SCALE, (overlap + span.stop - span.start) * SCALE)


def _times_scale(span: slice) -> slice:
    return slice(span.start * SCALE, span.stop * SCALE)
