"""LR/HR pairs and random crops of them.

Belongs here: the pair and the sampling of training batches. Does not belong here: how LR is made
(`degradation`), pairs on the disk (`pair_files`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.degradation import SCALE

if TYPE_CHECKING:
    import torch

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True, eq=False)
class Pair:
    """One painting twice: `lr` (uint8, h×w×3) and `hr` (uint8, 4h×4w×3), both RGB."""

    id: str
    split: Split
    lr: NDArray[np.uint8]
    hr: NDArray[np.uint8]

    def __post_init__(self) -> None:
        self._check(self.lr.shape, self.hr.shape)

    def _check(self, lr: tuple[int, ...], hr: tuple[int, ...]) -> None:
        if hr != (lr[0] * SCALE, lr[1] * SCALE, 3):
            raise ValueError(
                f"pair {self.id}: HR is {hr}, LR {lr}; HR must be {SCALE} times as large"
            )


def of_split(pairs: Sequence[Pair], split: Split) -> list[Pair]:
    """Return the pairs of one split, in the order given."""
    return [pair for pair in pairs if pair.split == split]


def croppable(pairs: Sequence[Pair], crop: int, context: int = 0) -> list[Pair]:
    """Return the training pairs whose HR holds a crop with its context (`random_crops`).

    Raises:
        UnavailableError: There is none.
    """
    side = crop + 2 * context * SCALE
    fitting = [pair for pair in of_split(pairs, "train") if min(pair.hr.shape[:2]) >= side]
    if not fitting:
        raise UnavailableError(
            f"none of the {len(pairs)} pairs is a training pair of at least {side} pixels a side:"
            " add larger paintings or make super_resolution's crop smaller"
        )
    return fitting


def random_crops(
    pairs: Sequence[Pair], generator: np.random.Generator, batch: int, crop: int, context: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut crops as `random_crop_arrays`, for a network.

    Returns:
        LR (float32, batch×3×l×l with l = crop/4 + 2 context) and HR (float32, batch×3×crop×crop),
        in [0, 1].
    """
    lr, hr = random_crop_arrays(pairs, generator, batch, crop, context)
    return to_tensor(lr), to_tensor(hr)


def random_crop_arrays(
    pairs: Sequence[Pair], generator: np.random.Generator, batch: int, crop: int, context: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut aligned random crops, each from a random pair, in one of the eight orientations.

    Args:
        pairs: All at least `crop + 8 context` pixels a side in HR (`croppable`).
        generator: The only source of chance.
        batch: Number of crops.
        crop: Side of an HR crop in pixels, a multiple of 4.
        context: LR pixels that LR shows beyond HR on each side.

    Returns:
        LR (uint8, batch×l×l×3 with l = crop/4 + 2 context) and HR (uint8, batch×crop×crop×3).
    """
    chosen = [_random_crop(pairs, generator, crop, context) for _ in range(batch)]
    lr, hr = zip(*chosen, strict=True)
    return np.stack(lr), np.stack(hr)


def to_tensor(pictures: NDArray[np.uint8], device: torch.device | str = "cpu") -> torch.Tensor:
    """Turn uint8 N×H×W×3 into float32 N×3×H×W in [0, 1] on `device`, channels last in memory."""
    import torch

    # Moved as bytes: a quarter of what floats take.
    tensor = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2)
    return tensor.to(torch.float32) / 255


def _random_crop(
    pairs: Sequence[Pair], generator: np.random.Generator, crop: int, context: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pair = pairs[int(generator.integers(len(pairs)))]
    lr, hr = pair.lr, pair.hr  # asked for once: a stored pair maps its files each time
    side = crop // SCALE + 2 * context
    top, left = (int(generator.integers(length - side + 1)) for length in lr.shape[:2])
    turns, mirrored = int(generator.integers(4)), bool(generator.integers(2))

    def cut(picture: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
        rows = slice(top * scale, (top + side) * scale)
        columns = slice(left * scale, (left + side) * scale)
        turned = np.rot90(picture[rows, columns], turns)
        return turned[:, ::-1] if mirrored else turned

    inner = slice(context * SCALE, context * SCALE + crop)
    return cut(lr, 1), cut(hr, SCALE)[inner, inner]
