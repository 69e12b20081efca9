"""Training the ×4 network: first for pixels, then against a discriminator.

Belongs here: the two loops, from top to bottom, and what they share. Does not belong here: the
networks (`network`), the feature networks (`losses`), sampling (`pairs`), files (`weights`).

On a CPU the same pairs, settings, seed and number of threads give the same bytes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deepart_assets.compat import prepare
from deepart_assets.settings.super_resolution import AdversarialTraining, PixelTraining
from deepart_assets.super_resolution.degradation import SCALE
from deepart_assets.super_resolution.network import build, initialise_as_interpolation
from deepart_assets.super_resolution.pairs import Pair, croppable, random_crops
from deepart_assets.super_resolution.progress import MovingAverage, Progress, Report, Trained
from deepart_assets.super_resolution.upscaling import best_device, on_best_device
from deepart_assets.super_resolution.weights import load_network, provenance_of

if TYPE_CHECKING:
    import torch
    from torch import nn

CONTEXT = 2
"""LR pixels around a crop whose enlargement is thrown away: there the convolutions' zero padding
darkens the picture. Upscaling gives every tile real context, so no loss may see those pixels. A
feature loss or a discriminator that does makes the network mend them and spoil the rest."""


def train_pixel(
    pairs: Sequence[Pair],
    settings: PixelTraining,
    report: Report = lambda iteration, total, losses, seconds_left: None,
) -> Trained:
    """Train a network from scratch with the mean absolute difference of pixels alone.

    Args:
        pairs: The splits "train" and, for the curve, "valid" are used.
        settings: Network, iterations, batch, crop, learning rate, seed.
        report: For progress.

    Raises:
        UnavailableError: No training pair is large enough, or the training diverged.
    """
    import torch
    from torch.nn.functional import l1_loss

    usable = croppable(pairs, settings.crop, CONTEXT)
    generator = np.random.default_rng(settings.seed)
    with _seeded(settings.seed):
        net = build(settings.network)
        initialise_as_interpolation(net)
    net = on_best_device(net).train()
    average = MovingAverage(net, settings.iterations)
    optimiser = torch.optim.Adam(net.parameters(), settings.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_cosine(settings.iterations))
    progress = Progress(pairs, settings.iterations, average.net, report)

    for iteration in range(1, settings.iterations + 1):
        lr, hr = _batch(usable, generator, settings, net)
        loss = l1_loss(_inside(net(lr)), hr)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update(net)
        progress.step(iteration, {"pixel": loss})

    provenance = {"stage": "pixel", "settings": settings.model_dump_json()}
    return progress.finish(average.net, provenance)


def train_adversarial(
    pairs: Sequence[Pair],
    base: bytes,
    settings: AdversarialTraining,
    report: Report = lambda iteration, total, losses, seconds_left: None,
) -> Trained:
    """Go on from pixel-trained weights with ESRGAN's three losses (Wang et al. 2018, equation 3).

    The generator's loss is the feature loss, plus `adversarial_weight` times the relativistic
    average loss, plus `pixel_weight` times the mean absolute difference of pixels.

    Args:
        pairs: The splits "train" and, for the curve, "valid" are used.
        base: A file of weights of the pixel stage.
        settings: Weights of the losses, networks, iterations, batch, crop, learning rate, seed.
        report: For progress.

    Raises:
        UnavailableError: No training pair is large enough, the base or the feature network cannot
            be had, or the training diverged.
    """
    import torch
    from torch.nn.functional import l1_loss

    from deepart_assets.super_resolution.losses import feature_loss

    usable = croppable(pairs, settings.crop, CONTEXT)
    generator = np.random.default_rng(settings.seed)
    net = on_best_device(load_network(base, "the base of art_esrgan")).train()
    with _seeded(settings.seed):
        discriminator = _build_discriminator(settings).to(best_device()).train()

    def judge(pictures: torch.Tensor) -> torch.Tensor:
        # basicsr's VGG discriminator flattens in a way that only the default layout allows.
        return discriminator(pictures.contiguous())

    features = feature_loss(settings.feature_network).to(best_device())
    average = MovingAverage(net, settings.iterations)
    rate, betas = settings.learning_rate, (0.9, 0.99)
    optimiser = torch.optim.Adam(net.parameters(), rate, betas=betas)
    judge_rate = settings.discriminator_learning_rate or rate
    judge_optimiser = torch.optim.Adam(discriminator.parameters(), judge_rate, betas=betas)
    # Both rates halve after 10, 20, 40 and 60 % of the iterations, as in traiNNer's recipe.
    milestones = [math.ceil(settings.iterations * share) for share in (0.1, 0.2, 0.4, 0.6)]
    schedules = [
        torch.optim.lr_scheduler.MultiStepLR(each, milestones, gamma=0.5)
        for each in (optimiser, judge_optimiser)
    ]
    progress = Progress(pairs, settings.iterations, average.net, report)

    for iteration in range(1, settings.iterations + 1):
        lr, hr = _batch(usable, generator, settings, net)

        # The generator: be close to the painting, and more real than it to the discriminator.
        discriminator.requires_grad_(False)
        made = _inside(net(lr))
        pixel = l1_loss(made, hr)
        feature = features(made, hr)
        adversarial = relativistic_loss(judge(made), judge(hr).detach())
        loss = (
            settings.pixel_weight * pixel
            + settings.feature_weight * feature
            + settings.adversarial_weight * adversarial
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), settings.clip_norm)
        optimiser.step()

        # The discriminator: find paintings more real than what the generator made.
        discriminator.requires_grad_(True)
        judgement = relativistic_loss(judge(hr), judge(made.detach()))
        judge_optimiser.zero_grad(set_to_none=True)
        judgement.backward()
        judge_optimiser.step()

        for schedule in schedules:
            schedule.step()
        average.update(net)
        progress.step(
            iteration,
            {
                "pixel": pixel,
                "feature": feature,
                "adversarial": adversarial,
                "discriminator": judgement,
            },
        )

    origin = {f"base_{key}": value for key, value in provenance_of(base).items()}
    provenance = {"stage": "adversarial", "settings": settings.model_dump_json(), **origin}
    return progress.finish(average.net, provenance)


def relativistic_loss(better: torch.Tensor, worse: torch.Tensor) -> torch.Tensor:
    """Return the relativistic average loss of wanting `better` above the mean of `worse`.

    ½ [BCE(C(better) - mean C(worse), 1) + BCE(C(worse) - mean C(better), 0)] on logits C of any
    shape, means over batch and places (Jolicoeur-Martineau 2018; ESRGAN's equations 1 and 2, halved
    as basicsr does). The discriminator wants the originals above; the generator, what it made.
    """
    prepare()
    from basicsr.losses.gan_loss import GANLoss

    bce = GANLoss("vanilla")
    return 0.5 * (bce(better - worse.mean(), True) + bce(worse - better.mean(), False))


# --- what both stages share ----------------------------------------------------------------------


def _build_discriminator(settings: AdversarialTraining) -> nn.Module:
    prepare()
    from basicsr.archs.discriminator_arch import UNetDiscriminatorSN, VGGStyleDiscriminator

    width = settings.discriminator_features
    if settings.discriminator == "vgg128":
        return VGGStyleDiscriminator(num_in_ch=3, num_feat=width, input_size=128)
    return UNetDiscriminatorSN(num_in_ch=3, num_feat=width)


def _batch(
    pairs: Sequence[Pair],
    generator: np.random.Generator,
    settings: PixelTraining | AdversarialTraining,
    net: nn.Module,
) -> tuple[torch.Tensor, torch.Tensor]:
    lr, hr = random_crops(pairs, generator, settings.batch, settings.crop, CONTEXT)
    device = next(net.parameters()).device
    return lr.to(device), hr.to(device)


def _inside(made: torch.Tensor) -> torch.Tensor:
    """Cut the enlarged context off: N×3×(h + 16)×(w + 16) to N×3×h×w."""
    edge = CONTEXT * SCALE
    return made[..., edge:-edge, edge:-edge]


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let torch draw initial weights from `seed`, and leave its generator as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _warm_cosine(iterations: int) -> Callable[[int], float]:
    """Rise over the first 3 %, then fall by a cosine to 1 % of the learning rate."""
    warm = max(1, round(0.03 * iterations))

    def factor(done: int) -> float:
        if done < warm:
            return (done + 1) / warm
        share = (done - warm) / max(1, iterations - warm)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))

    return factor
