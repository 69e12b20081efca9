"""Synthetic pictures with detail at several scales, and pairs of them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data import pairs
from deepart_assets.super_resolution.data.degradation import lr_hr_pair
from deepart_assets.super_resolution.data.pairs import Pair, Sampling, Split, to_tensor


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise of four octaves with sharp-edged strokes over it: uint8, H×W×3."""
    generator = np.random.default_rng(seed)
    canvas = np.full((height, width, 3), 128, np.float32)
    for octave in (2, 6, 16, 48):
        size = (max(2, height // octave), max(2, width // octave), 3)
        noise = generator.normal(0, 6 * octave**0.3, size).astype(np.float32)
        canvas += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(height * width // 2000):
        x, y, dx, dy = generator.integers(0, (width, height, 40, 40))
        colour = tuple(int(value) for value in generator.integers(20, 236, 3))
        end = (int(x + dx - 20), int(y + dy - 20))
        cv2.line(canvas, (int(x), int(y)), end, colour, 3, cv2.LINE_AA)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def pair(split: Split, seed: int = 0, height: int = 192, width: int = 224) -> Pair:
    """A pair whose HR is `height` by `width` pixels."""
    return Pair(f"{split}{seed}", split, *lr_hr_pair(texture(height, width, seed), height))


def some_pairs() -> list[Pair]:
    """Three pairs for training and one each for the other splits."""
    train = [pair("train", seed) for seed in range(3)]
    return [*train, pair("valid", 10), pair("test", 20)]


def random_crops(them, generator, batch, crop, context=0):
    """Crops as a network takes them: LR and HR, float32 N×3×h×w."""
    made = pairs.random_crops(them, generator, Sampling(batch, crop, context))
    return tuple(to_tensor(each) for each in made)
