"""Training the ×4 network: first for pixels, then against a discriminator.

Belongs here: what one iteration of each of the two stages does. Does not belong here: what goes on
around an iteration (`loop`), the networks (`network`), the feature networks (`losses`), sampling
(`pairs`), files (`weights`).

On a CPU the same pairs, settings, seed and number of threads give the same bytes, however often the
training was killed and gone on with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from deepart_assets.compat import prepare
from deepart_assets.settings.super_resolution import (
    NOT_IN_RESULT,
    AdversarialTraining,
    PixelTraining,
    Training,
)
from deepart_assets.super_resolution.checkpoints import Checkpoints
from deepart_assets.super_resolution.degradation import SCALE
from deepart_assets.super_resolution.guards import collapse
from deepart_assets.super_resolution.loop import CONTEXT, Loop, Stateful, seeded
from deepart_assets.super_resolution.network import build, initialise_as_interpolation
from deepart_assets.super_resolution.pairs import Pair
from deepart_assets.super_resolution.progress import Report, Trained, silent
from deepart_assets.super_resolution.upscaling import best_device, on_best_device
from deepart_assets.super_resolution.weights import load_network, provenance_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    Scalars = dict[str, torch.Tensor]


def train_pixel(
    pairs: Sequence[Pair],
    settings: PixelTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Train a network from scratch with the mean absolute difference of pixels alone.

    Args:
        pairs: The splits "train" and, for the curve, "valid" are used.
        settings: Network, iterations, batch, crop, learning rate, seed.
        report: For progress.
        checkpoints: Where to go on from and to save to; None keeps nothing.

    Returns:
        The moving average of the weights after the last iteration.

    Raises:
        UnavailableError: No training pair is large enough, or the training diverged.
    """
    with seeded(settings.seed):
        loop = Loop(_PixelStage(settings), pairs, settings, report, checkpoints)
        return loop.run({"stage": "pixel", "settings": _recipe(settings)})


def train_adversarial(
    pairs: Sequence[Pair],
    base: bytes,
    settings: AdversarialTraining,
    report: Report = silent,
    checkpoints: Checkpoints | None = None,
) -> Trained:
    """Go on from pixel-trained weights with ESRGAN's three losses (Wang et al. 2018, equation 3).

    The generator's loss is the feature loss, plus `adversarial_weight` times the relativistic
    average loss, plus `pixel_weight` times the mean absolute difference of pixels.

    Args:
        pairs: The splits "train" and, to choose the best checkpoint and for the curve, "valid" are
            used.
        base: A file of weights of the pixel stage.
        settings: Weights of the losses, networks, iterations, batch, crop, learning rate, seed.
        report: For progress.
        checkpoints: Where to go on from and to save to; None keeps nothing.

    Returns:
        The best checkpoint by the rule of `validation`. A training that collapses ends early with
        the best one before; `figures["stopped"]` says so.

    Raises:
        UnavailableError: No training pair is large enough, the base or the feature network cannot
            be had, the training diverged, or it collapsed before any checkpoint was good.
    """
    with seeded(settings.seed):
        loop = Loop(
            _AdversarialStage(base, settings),
            pairs,
            settings,
            report,
            checkpoints,
            validations=settings.validations,
            moving_average=settings.moving_average,
            floor=settings.fidelity_floor if settings.choose_best else None,
            collapsed=lambda rows, psnr: collapse(rows, psnr, settings),
        )
        origin = {f"base_{key}": value for key, value in provenance_of(base).items()}
        return loop.run({"stage": "adversarial", "settings": _recipe(settings), **origin})


class _PixelStage:
    def __init__(self, settings: PixelTraining) -> None:
        import torch

        self._settings = settings
        net = build(settings.network)
        initialise_as_interpolation(net)
        self.net = on_best_device(net).train()
        self._optimiser = torch.optim.Adam(
            self.net.parameters(), settings.learning_rate, betas=(0.9, 0.99)
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, _warm_cosine(settings.iterations)
        )
        self.parts: Mapping[str, Stateful] = {
            "net": self.net,
            "optimiser": self._optimiser,
            "schedule": self._schedule,
        }

    def step(self, lr: torch.Tensor, hr: torch.Tensor) -> tuple[Scalars, Scalars]:
        from torch.nn.functional import l1_loss

        with _precision(self._settings, lr.device):
            made = _inside(self.net(lr))
        loss = l1_loss(made.float(), hr)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = _gradient_norm(self.net)
        self._optimiser.step()
        self._schedule.step()
        return {"pixel": loss}, {"gradient": norm}


class _AdversarialStage:
    def __init__(self, base: bytes, settings: AdversarialTraining) -> None:
        import torch

        from deepart_assets.super_resolution.losses import feature_loss

        self._settings = settings
        # Drawn first: the discriminator depends on the seed alone, not on the base's size.
        self._discriminator = _build_discriminator(settings).to(best_device()).train()
        self.net = on_best_device(load_network(base, "the base of art_esrgan")).train()
        _add_noise(self.net, settings.block_noise)
        self._features = feature_loss(settings.feature_network).to(best_device())
        rate, betas = settings.learning_rate, settings.betas
        self._optimiser = torch.optim.Adam(self.net.parameters(), rate, betas=betas)
        judge_rate = settings.discriminator_learning_rate or rate
        self._judge_optimiser = torch.optim.Adam(
            self._discriminator.parameters(), judge_rate, betas=betas
        )
        milestones = [math.ceil(settings.iterations * share) for share in settings.milestones]
        self._schedules = [
            torch.optim.lr_scheduler.MultiStepLR(each, milestones, gamma=settings.gamma)
            for each in (self._optimiser, self._judge_optimiser)
        ]
        self.parts: Mapping[str, Stateful] = {
            "net": self.net,
            "discriminator": self._discriminator,
            "optimiser": self._optimiser,
            "judge_optimiser": self._judge_optimiser,
            "schedule": self._schedules[0],
            "judge_schedule": self._schedules[1],
        }

    def step(self, lr: torch.Tensor, hr: torch.Tensor) -> tuple[Scalars, Scalars]:
        import torch
        from torch.nn.functional import l1_loss

        settings = self._settings

        # The generator: be close to the painting, and more real than it to the discriminator.
        self._discriminator.requires_grad_(False)
        with _precision(settings, lr.device):
            made = _inside(self.net(lr))
            pixel = l1_loss(made.float(), hr)
            feature = self._features(made, hr)
            fake, real = self._judge(made), self._judge(hr).detach()
        adversarial = relativistic_loss(fake.float(), real.float())
        loss = (
            settings.pixel_weight * pixel
            + settings.feature_weight * feature
            + settings.adversarial_weight * adversarial
        )
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), settings.clip_norm)
        self._optimiser.step()

        # The discriminator: find paintings more real than what the generator made.
        self._discriminator.requires_grad_(True)
        with _precision(settings, lr.device):
            real, fake = self._judge(hr), self._judge(made.detach())
        judgement = relativistic_loss(real.float(), fake.float())
        self._judge_optimiser.zero_grad(set_to_none=True)
        judgement.backward()
        judge_norm = _gradient_norm(self._discriminator)
        self._judge_optimiser.step()

        for schedule in self._schedules:
            schedule.step()
        losses = {
            "pixel": pixel,
            "feature": feature,
            "adversarial": adversarial,
            "discriminator": judgement,
        }
        return losses, {"gradient": norm, "discriminator_gradient": judge_norm}

    def _judge(self, pictures: torch.Tensor) -> torch.Tensor:
        # basicsr's VGG discriminator flattens in a way that only the default layout allows.
        return self._discriminator(pictures.contiguous())


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


def _add_noise(net: nn.Module, strength: float) -> None:
    """Let each dense block's result x leave it as x + strength·x·N(0, 1), while `net` trains.

    ESRGAN+ (Rakotonirina and Rasoanaivo 2020), as in traiNNer: gradients flow through both terms.
    Drawn from torch's global generator.
    """
    prepare()
    import torch
    from basicsr.archs.rrdbnet_arch import ResidualDenseBlock

    def noisy(block: nn.Module, inputs: object, x: torch.Tensor) -> torch.Tensor | None:
        return x + strength * x * torch.randn_like(x) if block.training else None

    for block in net.modules():
        if strength and isinstance(block, ResidualDenseBlock):
            block.register_forward_hook(noisy)


def _recipe(settings: Training) -> str:
    return settings.model_dump_json(exclude=NOT_IN_RESULT)


def _precision(settings: Training, device: torch.device) -> torch.autocast:
    """Let the networks compute in the precision of the settings."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")


def _gradient_norm(net: nn.Module) -> torch.Tensor:
    """Return the L2 norm of all gradients, a scalar: it tells whether they are finite."""
    import torch

    return torch.nn.utils.get_total_norm(
        [weight.grad for weight in net.parameters() if weight.grad is not None]
    )


def _inside(made: torch.Tensor) -> torch.Tensor:
    """Cut the enlarged context off: N×3×(h + 16)×(w + 16) to N×3×h×w."""
    edge = CONTEXT * SCALE
    return made[..., edge:-edge, edge:-edge]


def _warm_cosine(iterations: int) -> Callable[[int], float]:
    """Rise over the first 3 %, then fall by a cosine to 1 % of the learning rate."""
    warm = max(1, round(0.03 * iterations))

    def factor(done: int) -> float:
        if done < warm:
            return (done + 1) / warm
        share = (done - warm) / max(1, iterations - warm)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))

    return factor
