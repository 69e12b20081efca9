"""A small training: its recipe, its paintings, its checkpoints."""

import numpy as np
import torch

from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets_tests.conftest import draw_painting
from recipes.comodgan_paintings_small import Example
from recipes.comodgan_paintings_small.model import network_input
from recipes.comodgan_paintings_small.settings import GeneratorTraining

SMALL = {
    "channel_base": 128,
    "channel_most": 8,
    "latent": 8,
    "code": 16,
    "half": False,
    "brush": (1, 5),
}
STAGES = [
    {"resolution": 16, "iterations": 5, "batch": 4},
    {"resolution": 32, "iterations": 5, "batch": 2},
]
CPU = torch.device("cpu")


def recipe(**more):
    return GeneratorTraining(kind="train", **{"stages": STAGES, "r1_every": 2, **SMALL, **more})


def painted_examples():
    found = []
    for seed in range(3):
        picture = draw_painting(seed, 70, 60)
        found.append(Example(picture, picture.mean(axis=2) > 100))
    return found


def some(count=4, side=16, seed=0):
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return network_input((pictures, random.random((count, side, side)) < 0.5), CPU)


def kept(folder, every=0.0):
    return Checkpoints(Lake(folder), "weights", "f" * 64, every)
