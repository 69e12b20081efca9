"""LR/HR pairs in memory, and random crops of them for training batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.training import Degradations
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.data.random_degradation import degrade

if TYPE_CHECKING:
    import torch

Split = Literal["train", "valid", "test"]

CONTEXT = 2
"""LR pixels around a training crop whose enlargement is discarded, because the zero padding of the
convolutions darkens it. Tiled upscaling gives every tile real context, so no loss may see those
pixels: the network would learn to correct them and degrade the rest."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A painting at both resolutions: `lr` (uint8, h×w×3) and `hr` (uint8, 4h×4w×3), both RGB."""

    id: str
    split: Split
    lr: NDArray[np.uint8]
    hr: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of LR."""
        return self.lr.shape[0], self.lr.shape[1]

    def __post_init__(self) -> None:
        self._check(self.lr.shape, self.hr.shape)

    def _check(self, lr: tuple[int, ...], hr: tuple[int, ...]) -> None:
        if hr != (lr[0] * SCALE, lr[1] * SCALE, 3):
            raise ValueError(
                f"pair {self.id}: HR is {hr}, LR {lr}; HR must be {SCALE} times as large"
            )


def of_split(pairs: Sequence[Pair], split: Split) -> list[Pair]:
    """Return the pairs of one split, in their order."""
    return [pair for pair in pairs if pair.split == split]


def croppable(pairs: Sequence[Pair], crop: int, context: int = 0) -> list[Pair]:
    """Return the training pairs large enough for a crop with its context (`random_crops`).

    Raises:
        UnavailableError: No pair is.
    """
    side = crop + 2 * context * SCALE
    fitting = [pair for pair in of_split(pairs, "train") if min(pair.hr.shape[:2]) >= side]
    if not fitting:
        raise UnavailableError(
            f"none of the {len(pairs)} pairs is a training pair of at least {side} pixels a side:"
            " add larger paintings or make datasets.train.gt_size smaller"
        )
    return fitting


@dataclass(frozen=True)
class Sampling:
    """How training crops are drawn.

    Attributes:
        batch: Number of crops.
        crop: Side of an HR crop in pixels, a multiple of 4.
        context: LR pixels by which LR extends beyond HR on each side.
        mirrored: Mirror crops at random.
        turned: Rotate crops by 0, 90, 180 or 270 degrees at random.
        shard: Start and end of the crops to cut; the whole batch is drawn, so that the processes
            of a distributed training draw the same.
        degradations: What LR crops suffer beyond the reduction; None: nothing.
    """

    batch: int
    crop: int
    context: int = CONTEXT
    mirrored: bool = True
    turned: bool = True
    shard: tuple[int, int | None] = (0, None)
    degradations: Degradations | None = None


def random_crops(
    pairs: Sequence[Pair], generator: np.random.Generator, sampling: Sampling
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut aligned random crops, each from a random pair.

    Args:
        pairs: All at least `crop + 8 context` pixels a side in HR (`croppable`).
        generator: The only source of randomness.
        sampling: Number, size and orientations of the crops.

    Returns:
        LR (uint8, n×l×l×3 with l = crop/4 + 2 context) and HR (uint8, n×crop×crop×3).
    """
    drawn = [_draw(pairs, generator, sampling) for _ in range(sampling.batch)]
    lr, hr = zip(*(_cut(place, sampling) for place in drawn[slice(*sampling.shard)]), strict=True)
    return np.stack(lr), np.stack(hr)


def to_tensor(pictures: NDArray[np.uint8], device: torch.device | str = "cpu") -> torch.Tensor:
    """Convert uint8 N×H×W×3 to float32 N×3×H×W in [0, 1] on `device`, in channels-last memory."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(pictures))
    if torch.device(device).type == "cuda":
        pixels = pixels.pin_memory()  # copied while the GPU computes the previous batch
    # Moved as bytes, a quarter of the size of floats.
    moved = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2)
    return moved.to(torch.float32) / 255


@dataclass(frozen=True)
class _Place:
    pair: Pair
    top: int
    left: int
    turns: int
    mirrored: bool
    seed: int
    """Of the crop's degradation."""


def _draw(pairs: Sequence[Pair], generator: np.random.Generator, sampling: Sampling) -> _Place:
    pair = pairs[int(generator.integers(len(pairs)))]
    side = sampling.crop // SCALE + 2 * sampling.context
    top, left = (int(generator.integers(length - side + 1)) for length in pair.size)
    turns, mirrored = int(generator.integers(4)), bool(generator.integers(2))
    return _Place(
        pair,
        top,
        left,
        turns if sampling.turned else 0,
        mirrored and sampling.mirrored,
        0 if sampling.degradations is None else int(generator.integers(2**63)),
    )


def _cut(place: _Place, sampling: Sampling) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    side = sampling.crop // SCALE + 2 * sampling.context

    def cut(picture: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
        rows = slice(place.top * scale, (place.top + side) * scale)
        columns = slice(place.left * scale, (place.left + side) * scale)
        turned = np.rot90(picture[rows, columns], place.turns)
        return turned[:, ::-1] if place.mirrored else turned

    inner = slice(sampling.context * SCALE, sampling.context * SCALE + sampling.crop)
    lr = cut(place.pair.lr, 1)
    if sampling.degradations is not None:
        random = np.random.default_rng(place.seed)
        lr = degrade(np.ascontiguousarray(lr), random, sampling.degradations)
    return lr, cut(place.pair.hr, SCALE)[inner, inner]
