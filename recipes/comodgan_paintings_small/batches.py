"""Training batches: random crops and their masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recipes.comodgan_paintings_small.masks import free_form
from recipes.comodgan_paintings_small.settings import GeneratorTraining, GrowthStage

Part = Literal["generator", "discriminator"]
PARTS: tuple[Part, Part] = ("generator", "discriminator")


@dataclass(frozen=True, eq=False)
class Example:
    """A painting to train on.

    Attributes:
        picture: uint8, H×W×3, RGB.
        subject: bool, H×W, True = subject; None if unknown.
    """

    picture: NDArray[np.uint8]
    subject: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shape = self.picture.shape
        if len(shape) != 3 or shape[2] != 3 or self.picture.dtype != np.uint8:
            raise ValueError(f"a painting must be uint8, H×W×3, not {self.picture.dtype} {shape}")
        if self.subject is not None and self.subject.shape != shape[:2]:
            raise ValueError(f"a mask of {self.subject.shape} for a painting of {shape[:2]}")


def draw_batch(
    examples: Sequence[Example],
    settings: GeneratorTraining,
    stage: GrowthStage,
    iteration: int,
    part: Part,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a batch.

    Args:
        examples: The paintings.
        settings: Crops, masks and the seed.
        stage: Resolution r and batch size n.
        iteration: From 1, over all stages.
        part: The network to train; each has its own batches.

    Returns:
        Pictures, uint8, n×r×r×3, and masks, bool, n×r×r, True = known.
    """
    seeds = (settings.seed, iteration, PARTS.index(part))
    random = np.random.default_rng(seeds)
    chosen = random.integers(len(examples), size=stage.batch)
    drawn = [_example(examples[int(which)], settings, stage.resolution, random) for which in chosen]
    return np.stack([picture for picture, _ in drawn]), np.stack([known for _, known in drawn])


def _example(
    example: Example, settings: GeneratorTraining, side: int, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    import cv2

    height, width = example.picture.shape[:2]
    smaller = min(height, width)
    crop = max(1, round(smaller * random.uniform(settings.smallest_crop, 1)))
    # Avoid enlarging, if the painting is large enough.
    crop = min(max(crop, side), smaller)
    top, left = random.integers(height - crop + 1), random.integers(width - crop + 1)
    window = (slice(top, top + crop), slice(left, left + crop))
    way = cv2.INTER_AREA if crop >= side else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(example.picture[window], (side, side), interpolation=way))
    known = None
    if example.subject is not None and random.random() < settings.subject_masks:
        share = example.subject[window].astype(np.float32)
        # A pixel is known if all of it is subject, as when an unfinished painting is reduced.
        known = cv2.resize(share, (side, side), interpolation=cv2.INTER_AREA) > 0.999
    if known is None or known.all() or not known.any():
        scale = side / settings.stages[-1].resolution
        brush = (settings.brush[0] * scale, settings.brush[1] * scale)
        known = free_form(random, side, settings.hole, brush)
    if settings.mirror and random.random() < 0.5:
        picture, known = picture[:, ::-1], known[:, ::-1]
    return np.ascontiguousarray(picture), np.ascontiguousarray(known)
