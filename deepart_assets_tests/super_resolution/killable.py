"""Small trainings in a process of their own, which tests may kill.

What takes seconds to import is imported here, once, by the server that such processes are forked
from.
"""

import importlib
from pathlib import Path
from typing import Any

import torch

from deepart_assets.compat import prepare
from deepart_assets.settings.section import deep_merge
from deepart_assets.settings.training import AdversarialTraining, PixelTraining
from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.training.feature_networks import FeatureNetwork
from deepart_assets.super_resolution.training.progress import Trained
from deepart_assets.super_resolution.training.stages import train_adversarial, train_pixel

from .pictures import pair

prepare()
for name in (
    "deepart_assets.super_resolution.training.models",
    "basicsr.models",
    "basicsr.metrics.niqe",
    "basicsr.metrics.psnr_ssim",
):
    importlib.import_module(name)

SMALL = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
EFFICIENTNET = {"type": "EfficientNetLoss", "perceptual_weight": 1.0}
FEATURES = FeatureNetwork("EfficientNet-Lite0", EFFICIENTNET)


def changed(settings: Any, changes: dict[str, Any]) -> Any:
    """Lay nested options over others."""
    return type(settings).model_validate(deep_merge(settings.model_dump(), changes))


def pixel_options(total: int = 10, **more: Any) -> PixelTraining:
    """A pixel training of seconds; `more` overrides its options."""
    options = PixelTraining(
        network_g=SMALL,
        manual_seed=3,
        datasets={"train": {"batch_size_per_gpu": 2, "gt_size": 48}},
        train={"total_iter": total, "warmup_iter": 1, "ema_decay": 0.5}
        | {"scheduler": {"periods": [total]}},
        val={"val_freq": 1},
    )
    return changed(options, more)


def adversarial_options(total: int = 10, **more: Any) -> AdversarialTraining:
    """An adversarial training of seconds; `more` overrides its options."""
    options = AdversarialTraining(
        network_g=SMALL,
        network_d={"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 4},
        datasets={"train": {"batch_size_per_gpu": 2, "gt_size": 48}},
        train={"total_iter": total, "ema_decay": 0.5, "perceptual_opt": EFFICIENTNET},
        val={"val_freq": 3, "fidelity_floor": 100},
    )
    return changed(options, more)


PIXEL = pixel_options()
ADVERSARIAL = adversarial_options()


def small_pairs() -> list[Pair]:
    """Two pairs for training and one that NIQE can judge."""
    return [pair("train", 1), pair("train", 2), pair("valid", 3, height=224, width=256)]


def base() -> bytes:
    return train_pixel(small_pairs(), pixel_options(2)).weights


def train(stage: str, folder: Path, report: Any, every: float | None = 0) -> Trained:
    """Train the small network of a stage for 30 iterations, with a checkpoint after each."""
    kept = None if every is None else Checkpoints(Lake(folder), stage, "f" * 64, every)
    if stage == "pixel":
        return train_pixel(small_pairs(), pixel_options(30), report, kept)
    options = adversarial_options(30)
    return train_adversarial(small_pairs(), base(), options, report, kept, features=FEATURES)


def train_in_process(stage: str, folder: Path, every: float | None, tell: Any) -> None:
    """Train, telling `tell` each iteration before it is saved, and at last the result."""
    torch.set_num_threads(1)
    trained = train(stage, folder, lambda step: tell.send(step.iteration), every)
    tell.send((trained.weights, trained.curve, trained.figures))
