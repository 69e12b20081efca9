"""Training the ×4 network: first for pixels, then against a discriminator.

Belongs here: the two loops, from top to bottom, and what they share. Does not belong here: the
networks (`network`), the feature networks (`losses`), sampling (`pairs`), files (`weights`).

On a CPU the same pairs, settings, seed and number of threads give the same bytes.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from deepart_assets.compat import prepare
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.settings.models import AdversarialTraining, PixelTraining, Upscaling
from deepart_assets.super_resolution.degradation import SCALE, matlab_bicubic_enlarge
from deepart_assets.super_resolution.evaluation import psnr_y
from deepart_assets.super_resolution.network import build, initialise_as_interpolation
from deepart_assets.super_resolution.pairs import Pair, croppable, of_split, random_crops
from deepart_assets.super_resolution.upscaling import best_device, enlarge, on_best_device
from deepart_assets.super_resolution.weights import load_network, provenance_of, to_bytes

if TYPE_CHECKING:
    import torch
    from torch import nn

Report = Callable[[int, int, Mapping[str, float], float | None], None]
"""Called with the iteration (from 1), the number of iterations, the mean losses since the last call
and the seconds left (None where unknown)."""

CONTEXT = 2
"""LR pixels around a crop whose enlargement is thrown away: there the convolutions' zero padding
darkens the picture. Upscaling gives every tile real context, so no loss may see those pixels. A
feature loss or a discriminator that does makes the network mend them and spoil the rest."""

VALIDATION_PAINTINGS = 4
VALIDATION_SIDE = 64
"""Validated now and then are the middles of the first few validation paintings, in LR pixels: it
has to be cheap beside a training of minutes."""

_ONE_TILE = Upscaling(tile=VALIDATION_SIDE, overlap=16)


@dataclass(frozen=True)
class Trained:
    """What a training gives."""

    weights: bytes
    """A safetensors file (`weights.to_bytes`) of the moving average of the weights."""
    curve: list[dict[str, float | None]]
    """Rows with `iteration`, the mean losses since the row before, and `psnr_y` now and then."""
    figures: dict[str, Any] = field(default_factory=dict)
    """What to record: iterations, parameters, device, seconds, validation PSNR and bicubic's."""


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
    average = _MovingAverage(net, settings.iterations)
    optimiser = torch.optim.Adam(net.parameters(), settings.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_cosine(settings.iterations))
    progress = _Progress(pairs, settings.iterations, average.net, report)

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
    average = _MovingAverage(net, settings.iterations)
    rate, betas = settings.learning_rate, (0.9, 0.99)
    optimiser = torch.optim.Adam(net.parameters(), rate, betas=betas)
    judge_optimiser = torch.optim.Adam(discriminator.parameters(), rate, betas=betas)
    # Both rates halve after 10, 20, 40 and 60 % of the iterations, as in traiNNer's recipe.
    milestones = [math.ceil(settings.iterations * share) for share in (0.1, 0.2, 0.4, 0.6)]
    schedules = [
        torch.optim.lr_scheduler.MultiStepLR(each, milestones, gamma=0.5)
        for each in (optimiser, judge_optimiser)
    ]
    progress = _Progress(pairs, settings.iterations, average.net, report)

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


class _MovingAverage:
    """An exponential moving average of a network's weights, which is what a training returns.

    It remembers the last 2 % of the iterations, and no more than 1000 (basicsr's 0.999).
    """

    def __init__(self, net: nn.Module, iterations: int) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._decay = 1 - 1 / min(1000, max(1, 0.02 * iterations))

    def update(self, net: nn.Module) -> None:
        import torch

        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.net.parameters()), list(net.parameters()), 1 - self._decay
            )


class _Progress:
    """Reports, collects the curve, validates, and stops a training that diverges."""

    REPORTS, VALIDATIONS = 100, 10

    def __init__(self, pairs: Sequence[Pair], total: int, net: nn.Module, report: Report) -> None:
        self._total, self._net, self._report = total, net, report
        self._crops = [_middle(pair) for pair in of_split(pairs, "valid")[:VALIDATION_PAINTINGS]]
        self._sums: dict[str, torch.Tensor] = {}
        self._since = 0
        self._rows: list[dict[str, float | None]] = []
        bicubic = self._mean_psnr(matlab_bicubic_enlarge)
        self._figures = {"valid_psnr_y_bicubic": bicubic, "valid_psnr_y_before": self._validate()}
        self._start = time.perf_counter()

    def step(self, iteration: int, losses: Mapping[str, torch.Tensor]) -> None:
        # Sums stay on the device: reading a number there would make the CPU wait every time.
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._since += 1
        validates = self._due(iteration, self.VALIDATIONS)
        if not (validates or self._due(iteration, self.REPORTS)):
            return
        means = {name: float(value) / self._since for name, value in self._sums.items()}
        if not all(math.isfinite(value) for value in means.values()):
            raise _diverged(iteration)
        try:
            psnr = self._validate() if validates else None
        except PaintingError as error:  # the loss was finite, but no longer the weights
            raise _diverged(iteration) from error
        self._rows.append({"iteration": iteration, **means, "psnr_y": psnr})
        self._sums, self._since = {}, 0
        left = (time.perf_counter() - self._start) / iteration * (self._total - iteration)
        self._report(iteration, self._total, means, left)

    def finish(self, net: nn.Module, provenance: Mapping[str, str]) -> Trained:
        import torch

        state = net.state_dict()
        if not all(bool(torch.isfinite(value).all()) for value in state.values()):
            raise _diverged(self._total)
        figures = {
            **self._figures,
            "valid_psnr_y": self._rows[-1]["psnr_y"],
            "iterations": self._total,
            "parameters": sum(value.numel() for value in state.values()),
            "device": next(net.parameters()).device.type,
            "seconds": round(time.perf_counter() - self._start, 1),
        }
        return Trained(to_bytes(state, provenance), self._rows, figures)

    def _due(self, iteration: int, times: int) -> bool:
        """Tell whether this is one of about `times` evenly spread iterations, or the last."""
        return iteration == self._total or iteration % math.ceil(self._total / times) == 0

    def _validate(self) -> float | None:
        return self._mean_psnr(lambda lr: enlarge(self._net, lr, _ONE_TILE))

    def _mean_psnr(self, upscale: Callable[[Any], Any]) -> float | None:
        found = [psnr_y(upscale(lr), hr) for lr, hr in self._crops]
        return float(np.mean(found)) if found else None


def _middle(pair: Pair) -> tuple[Any, Any]:
    height, width = pair.lr.shape[:2]
    side = min(VALIDATION_SIDE, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    large = tuple(slice(span.start * SCALE, span.stop * SCALE) for span in (rows, columns))
    return pair.lr[rows, columns], pair.hr[large]


def _diverged(iteration: int) -> UnavailableError:
    return UnavailableError(
        f"the training diverged before iteration {iteration} (its loss or weights are not finite):"
        " lower super_resolution's learning_rate"
    )
