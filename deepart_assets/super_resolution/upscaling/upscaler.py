"""Enlarges pictures of any size by 4, tile by tile with a network.

How a network is executed is in `backends`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.devices import best_device
from deepart_assets.compute.memory import is_out_of_memory, predict_in_halves, release_memory
from deepart_assets.errors import PaintingError, first_line
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.upscaling.backend_choice import backend_for
from deepart_assets.super_resolution.upscaling.backends import Backend, TorchBackend
from deepart_assets.super_resolution.upscaling.parts import BORDER, Part, enlarged, with_context

if TYPE_CHECKING:
    from torch import nn

SMALLEST_TILE = 16
"""Halving stops here when memory runs out: a smaller tile would be all overlap."""

DARK = 16
"""Grey level up to which a tile may come out all black."""

_log = logging.getLogger(__name__)


Upscaler = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Enlarges uint8 H×W×3 by 4."""


class NetworkUpscaler:
    """A ×4 network that is loaded at the first call, on CUDA where there is a device."""

    def __init__(self, weights: bytes, settings: Upscaling, name: str = "the weights") -> None:
        """Keep the bytes of a file for `weights.load_network`, and its name for messages."""
        self._weights = weights
        self._settings = settings
        self._name = name
        self._backend: Backend | None = None

    def __call__(
        self, picture: NDArray[np.uint8], parts: Sequence[Part] | None = None
    ) -> NDArray[np.uint8]:
        """Enlarge a picture by 4; the same bytes each time.

        Args:
            picture: uint8, H×W×3, both sides at least 1.
            parts: As for `enlarge`.

        Raises:
            UnavailableError: The weights are not those of a ×4 network for RGB, or the precision or
                the backend is not for this device or this network.
            PaintingError: As `enlarge`.
        """
        if self._backend is None:
            self._backend = _loaded(self._weights, self._settings, self._name)
        return enlarge(self._backend, picture, self._settings, parts)


@lru_cache(maxsize=1)
def _loaded(weights: bytes, settings: Upscaling, name: str) -> Backend:
    """Load a network; the last one is kept, as several assets in turn may use the same."""
    from deepart_assets.super_resolution.weights import load_network

    return backend_for(load_network(weights, name).to(best_device()), settings)


def enlarge(
    net: nn.Module | Backend,
    picture: NDArray[np.uint8],
    settings: Upscaling,
    parts: Sequence[Part] | None = None,
) -> NDArray[np.uint8]:
    """Enlarge a picture with a network, tile by tile, or whole if it is meant to see the whole.

    Each tile is read with `overlap` pixels of context on all sides, of which nothing is kept. At
    the picture's own borders it is `BORDER` mirrored ones. When memory runs out, of a
    GPU or of the machine, the batch and then the tile is halved for this picture, which the log
    tells; no tile is ever left out.

    Args:
        net: ×4, in evaluation mode, on its device; a module is run by torch as it is.
        picture: uint8, H×W×3, both sides at least 1.
        settings: Tile, overlap and batch. `precision` and `backend` are used by `backend_for`.
        parts: Those that are enlarged, each at most a tile, of which none may be outside; None:
            all of the picture. A network that is meant to see the whole enlarges the whole.

    Returns:
        uint8, 4H×4W×3, rounded; black outside of the parts.

    Raises:
        PaintingError: The network's output is not finite or all black, or the memory does not
            suffice for the smallest tile.
    """
    import torch

    run = TorchBackend(net) if isinstance(net, torch.nn.Module) else net
    tile = settings.tile if run.tiles else max(settings.tile, *picture.shape[:2])
    batch = settings.batch if run.device.type == "cuda" else 1
    height, width = picture.shape[:2]
    wanted = [(slice(0, height), slice(0, width))] if parts is None or not run.tiles else parts
    result = np.zeros((height * SCALE, width * SCALE, 3), np.uint8)
    while True:
        try:
            tiles = [
                _Tile((kept_rows, kept_columns), (rows, columns))
                for part in wanted
                for kept_rows, rows in _spans(part[0], height, tile, settings.overlap)
                for kept_columns, columns in _spans(part[1], width, tile, settings.overlap)
            ]
            _enlarge(run, picture, result, tiles, batch=batch)
            return result
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            reason = first_line(error)
        # Outside of the handler: the traceback holds the tensors that were too many.
        release_memory()
        if tile // 2 < SMALLEST_TILE:
            raise PaintingError(
                f"out of memory with the smallest tiles ({tile} pixels and {settings.overlap} of"
                f" overlap; {reason}): free memory, or set super_resolution.upscaling.overlap lower"
            ) from MemoryError(reason)
        tile, batch = tile // 2, 1
        _log.warning("out of memory: tiles of %d pixels for this picture", tile)


def _enlarge(
    run: Backend,
    picture: NDArray[np.uint8],
    result: NDArray[np.uint8],
    tiles: Sequence[_Tile],
    *,
    batch: int,
) -> None:
    """Fill the tiles of `result` with the picture enlarged."""
    import torch

    padded = np.pad(picture, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="symmetric")

    def predict(some: Sequence[_Tile]) -> list[NDArray[np.uint8]]:
        with torch.inference_mode():
            windows = np.stack([padded[tile.window] for tile in some])
            # N×H×W×3 seen as N×3×H×W is "channels last" already.
            pixels = torch.from_numpy(windows).to(run.device).permute(0, 3, 1, 2)
            made = run(pixels.to(torch.float32) / 255)
            if not bool(torch.isfinite(made).all()):
                raise PaintingError(
                    "the super-resolution network gives values that are not finite here: set"
                    " super_resolution.upscaling.precision to fp32, or, where it is, use other"
                    " weights or train them with a lower learning rate"
                )
            levels = (made.clamp(0, 1) * 255).round().to(torch.uint8)
            windows = np.asarray(levels.permute(0, 2, 3, 1).cpu().numpy())
        return [one[tile.kept_in_window()] for one, tile in zip(windows, some, strict=True)]

    def log(size: int) -> None:
        _log.warning("out of memory: %d tiles at once for this picture", size)

    alike = sorted(tiles, key=_size)  # only equal sizes go through the network in a batch
    made = (
        each
        for _, some in groupby(alike, _size)
        for each in predict_in_halves(predict, list(some), batch, log)
    )
    for tile, one in zip(alike, made, strict=True):
        if not one.any() and picture[tile.kept].max() > DARK:
            raise PaintingError(
                "the super-resolution network made a tile black whose source is not: set"
                " super_resolution.upscaling.precision to fp32, or, where it is, use other"
                " weights"
            )
        result[enlarged(tile.kept)] = one


@dataclass(frozen=True)
class _Tile:
    """What the network sees at once, which may reach out of the picture, and what is kept of it."""

    kept: Part
    window: Part
    """In the padded picture, which begins `BORDER` before the picture."""

    def kept_in_window(self) -> Part:
        """Return the place of the kept area in the enlarged window."""
        rows, columns = (
            slice(kept.start + BORDER - seen.start, kept.stop + BORDER - seen.start)
            for kept, seen in zip(self.kept, self.window, strict=True)
        )
        return enlarged((rows, columns))


def _size(tile: _Tile) -> tuple[int, int]:
    rows, columns = tile.window
    return rows.stop - rows.start, columns.stop - columns.start


def _spans(part: slice, length: int, tile: int, overlap: int) -> Iterator[tuple[slice, slice]]:
    """Cover a part along one side by the fewest windows of one length; return (kept, window),
    the window in the padded picture.

    One length, so that they go through the network in batches. The last window may begin before
    its neighbour's context asks for it; no pixel is kept twice.
    """
    first, last = map(int, with_context(part.start, part.stop, length, overlap))
    # A window has at most `tile` pixels and twice the overlap.
    count = max(1, -(-(last - first - 2 * overlap) // tile))
    side = -(-(last - first + 2 * overlap * (count - 1)) // count)
    begins = [min(first + number * (side - 2 * overlap), last - side) for number in range(count)]
    cuts = [part.start, *(begin + overlap for begin in begins[1:]), part.stop]
    for begin, kept in zip(begins, pairwise(cuts), strict=True):
        yield slice(*kept), slice(begin + BORDER, begin + BORDER + side)
