"""Small trainings in a process of their own, which tests may kill.

What takes seconds to import is imported here, once, by the server that such processes are forked
from.
"""

import importlib
from pathlib import Path
from typing import Any

import torch

from deepart_assets.compat import prepare
from deepart_assets.settings.super_resolution import AdversarialTraining, Network, PixelTraining
from deepart_assets.storage import Lake
from deepart_assets.super_resolution.checkpoints import Checkpoints
from deepart_assets.super_resolution.pairs import Pair
from deepart_assets.super_resolution.progress import Trained
from deepart_assets.super_resolution.training import train_adversarial, train_pixel

from .pictures import pair

prepare()
for name in (
    "basicsr.archs.discriminator_arch",
    "basicsr.archs.rrdbnet_arch",
    "basicsr.losses.gan_loss",
    "basicsr.metrics.niqe",
    "basicsr.metrics.psnr_ssim",
):
    importlib.import_module(name)

PIXEL = PixelTraining(
    network=Network(features=8, blocks=1, growth=4), iterations=10, batch=2, crop=48, seed=3
)
ADVERSARIAL = AdversarialTraining(
    iterations=10,
    batch=2,
    crop=48,
    feature_network="efficientnet_lite0",
    discriminator="unet",
    discriminator_features=4,
    validations=4,
    fidelity_floor=100,
)


def small_pairs() -> list[Pair]:
    """Two pairs for training and one that NIQE can judge."""
    return [pair("train", 1), pair("train", 2), pair("valid", 3, height=224, width=256)]


def base() -> bytes:
    return train_pixel(small_pairs(), PIXEL.model_copy(update={"iterations": 2})).weights


def train(stage: str, folder: Path, report: Any, every: float | None = 0) -> Trained:
    """Train the small network of a stage for 30 iterations, with a checkpoint after each."""
    longer = {"iterations": 30}
    kept = None if every is None else Checkpoints(Lake(folder), stage, "f" * 64, every)
    if stage == "pixel":
        return train_pixel(small_pairs(), PIXEL.model_copy(update=longer), report, kept)
    settings = ADVERSARIAL.model_copy(update=longer)
    return train_adversarial(small_pairs(), base(), settings, report, kept)


def train_in_process(stage: str, folder: Path, every: float | None, tell: Any) -> None:
    """Train, telling `tell` each iteration before it is saved, and at last the result."""
    torch.set_num_threads(1)
    trained = train(stage, folder, lambda step: tell.send(step.iteration), every)
    tell.send((trained.weights, trained.curve, trained.figures))
