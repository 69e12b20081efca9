"""One iteration of the training.

Order and losses are those of the official code: a step of the generator, the moving average, and a
step of the discriminator on another batch. The R1 penalty (Mescheder et al. 2018) is a separate
step every `r1_every` iterations. Optionally the discriminator is a projected one, without a
penalty, and a perceptual loss in its features is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from deepart_assets.outpainting.comodgan.generator import Generator, composed, draw_noise
from deepart_assets.outpainting.comodgan.spec import Spec
from recipes.comodgan_paintings_small.augmentation import augmented
from recipes.comodgan_paintings_small.discriminator import Discriminator, judged
from recipes.comodgan_paintings_small.losses import discriminator_loss, generator_loss
from recipes.comodgan_paintings_small.projected import ProjectedDiscriminator
from recipes.comodgan_paintings_small.pyramid import Pyramid, perceptual_distance
from recipes.comodgan_paintings_small.settings import GeneratorTraining

BETAS = (0.0, 0.99)
GENERATOR_EVERY = 4
"""The generator's learning rate is set as if it had a penalty every four iterations; it has
none."""
PROJECTED_RATE = 0.2
"""Share of the generator's learning rate for the heads, whose weights are not equalised."""
W_DECAY = 0.995
"""Decay of the running mean of w."""

Losses = dict[str, torch.Tensor]


class Model:
    """Generator, its moving average, discriminator, and their optimisers at one resolution.

    Args:
        spec: The sizes.
        settings: The recipe.
        device: The device to train on.
    """

    def __init__(self, spec: Spec, settings: GeneratorTraining, device: torch.device) -> None:
        self._settings, self.device = settings, device
        self.generator = Generator(spec).to(device).train()
        self.average = Generator(spec).to(device).eval().requires_grad_(False)
        self.average.load_state_dict(self.generator.state_dict())
        self._pyramid = Pyramid(device) if needs_features(settings) else None
        self.discriminator: Discriminator | ProjectedDiscriminator
        self._optimiser_g = self._adam(self.generator, GENERATOR_EVERY)
        if settings.discriminator == "projected":
            self.discriminator = ProjectedDiscriminator().to(device).train()
            self._optimiser_d = self._adam(self.discriminator, 0, PROJECTED_RATE)
        else:
            self.discriminator = Discriminator(spec).to(device).train()
            self._optimiser_d = self._adam(self.discriminator, settings.r1_every)

    def _adam(self, network: nn.Module, every: int, share: float = 1.0) -> torch.optim.Adam:
        # With the separate step of the penalty, `every` iterations have `every + 1` steps.
        ratio = every / (every + 1) if every else 1.0
        betas = (BETAS[0] ** ratio, BETAS[1] ** ratio)
        rate = self._settings.learning_rate * ratio * share
        return torch.optim.Adam(network.parameters(), lr=rate, betas=betas, eps=1e-8)

    def parts(self) -> dict[str, Any]:
        """Return everything that an iteration changes, by name; each has a `state_dict`."""
        return {
            "generator": self.generator,
            "average": self.average,
            "discriminator": self.discriminator,
            "optimiser_g": self._optimiser_g,
            "optimiser_d": self._optimiser_d,
        }

    def grow_from(self, smaller: Model) -> None:
        """Copy the weights of a smaller resolution; new layers stay random.

        The output of the new layer starts at zero, so that the output equals the smaller network's.
        The optimisers start over.
        """
        ours, theirs = self.parts(), smaller.parts()
        for name in ("generator", "average", "discriminator"):
            state = ours[name].state_dict()
            for key, value in theirs[name].state_dict().items():
                if key in state and state[key].shape == value.shape:
                    state[key].copy_(value)
        last = f"synthesis.b{self.generator.spec.resolution}"
        new = (f"encoder.b{self.generator.spec.resolution}", last)
        state, average = self.generator.state_dict(), self.average.state_dict()
        state[f"{last}.torgb.weight"].zero_()
        for key, value in state.items():
            if key.startswith(new):
                average[key].copy_(value)

    def step(
        self,
        iteration: int,
        seen: int,
        batch: tuple[torch.Tensor, torch.Tensor],
        other: tuple[torch.Tensor, torch.Tensor],
    ) -> Losses:
        """Run one iteration.

        Args:
            iteration: From 1; decides whether the penalty is due.
            seen: Pictures that the generator has seen, including these.
            batch: Pictures and masks for the step of the generator.
            other: Pictures and masks for the step of the discriminator.

        Returns:
            Scalars on the device by name: "l_g", "l_d" and, if computed, "l_1", "l_p" and "r1".
        """
        losses = self._step_generator(*batch)
        self._average(seen, len(batch[0]))
        losses |= self._step_discriminator(*other)
        penalised = self._settings.r1_gamma and self._settings.discriminator == "comodgan"
        if penalised and iteration % self._settings.r1_every == 0:
            losses |= self._step_penalty(*other)
        return losses

    # --- the generator ---------------------------------------------------------------------------

    def _step_generator(self, picture: torch.Tensor, known: torch.Tensor) -> Losses:
        self.discriminator.requires_grad_(False)
        with self._autocast():
            ws = self._latents(len(picture), track=True)
            painted = self._painted(picture, known, ws)
            fake = composed(painted, picture, known)
            if self._settings.perceptual_weight:
                losses = self._compared(fake, picture, known)
            else:
                losses = {"l_g": self._generator_loss(self._judge(fake, known))}
        if self._settings.l1_weight:
            hole = 1 - known
            away = ((painted - picture).abs() * hole).sum() / (3 * hole.sum()).clamp_min(1)
            losses["l_1"] = self._settings.l1_weight * away
        self._optimiser_g.zero_grad(set_to_none=True)
        sum(losses.values(), torch.zeros((), device=self.device)).backward()
        self._optimiser_g.step()
        self.discriminator.requires_grad_(True)
        return {name: value.detach() for name, value in losses.items()}

    def _compared(self, fake: torch.Tensor, picture: torch.Tensor, known: torch.Tensor) -> Losses:
        """Return the adversarial and the perceptual loss, under the same augmentation."""
        if self._pyramid is None:
            raise AssertionError("nothing to compare with")
        both = torch.cat([judged(fake, known), picture], dim=1)
        seen, real = augmented(both, self._settings.augmentation).split([4, 3], dim=1)
        features = self._pyramid(seen[:, 1:])
        with torch.no_grad():
            wanted = self._pyramid(real)
        distance = self._settings.perceptual_weight * perceptual_distance(features, wanted)
        return {"l_g": self._generator_loss(self._logits(seen, features)), "l_p": distance}

    def _generator_loss(self, logits: torch.Tensor) -> torch.Tensor:
        return generator_loss(self._settings.discriminator, logits)

    def _latents(self, count: int, *, track: bool = False) -> torch.Tensor:
        """Draw w for each layer, sometimes mixed from two latents: B×layers×latent."""
        spec, mapping = self.generator.spec, self.generator.mapping
        first, second = torch.randn(2, count, spec.latent, device=self.device)
        # On the CPU: reading a number from a GPU would synchronise.
        mixes = bool(torch.rand(()) < self._settings.style_mixing)
        cut = int(torch.randint(1, spec.layers, ())) if mixes else spec.layers
        w = mapping(first)
        if track:
            mapping.w_avg.lerp_(w.detach().float().mean(0), 1 - W_DECAY)
        ws = w[:, None].expand(-1, spec.layers, -1)
        if cut < spec.layers:
            other = mapping(second)[:, None].expand(-1, spec.layers - cut, -1)
            ws = torch.cat([ws[:, :cut], other], dim=1)
        return ws

    def _painted(
        self, picture: torch.Tensor, known: torch.Tensor, ws: torch.Tensor
    ) -> torch.Tensor:
        noise = draw_noise(self.generator.spec, len(picture), None, self.device)
        painted: torch.Tensor = self.generator(picture, known, ws, noise)
        return painted

    @torch.no_grad()
    def _average(self, seen: int, count: int) -> None:
        half_life, share = self._settings.ema_pictures, self._settings.ema_rampup
        half_life = min(half_life, share * seen) if share else half_life
        keep = 0.5 ** (count / half_life)
        mean: list[torch.Tensor] = list(self.average.parameters())
        now: list[torch.Tensor] = list(self.generator.parameters())
        torch._foreach_lerp_(mean, now, 1 - keep)
        for mine, current in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(current)

    # --- the discriminator -----------------------------------------------------------------------

    def _step_discriminator(self, picture: torch.Tensor, known: torch.Tensor) -> Losses:
        with self._autocast():
            with torch.no_grad():
                painted = self._painted(picture, known, self._latents(len(picture)))
                fake = composed(painted, picture, known)
            on_fake, on_real = self._judge(fake, known), self._judge(picture, known)
        loss = discriminator_loss(self._settings.discriminator, on_real, on_fake)
        self._optimiser_d.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser_d.step()
        return {"l_d": loss.detach()}

    def _step_penalty(self, picture: torch.Tensor, known: torch.Tensor) -> Losses:
        picture = picture.detach().requires_grad_()
        with self._autocast():
            logits = self._judge(picture, known)
        penalty = gradient_penalty(logits, picture)
        weight = self._settings.r1_gamma / 2 * self._settings.r1_every
        self._optimiser_d.zero_grad(set_to_none=True)
        (weight * penalty).backward()
        self._optimiser_d.step()
        return {"r1": penalty.detach()}

    def _judge(self, picture: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        return self._logits(augmented(judged(picture, known), self._settings.augmentation))

    def _logits(
        self, seen: torch.Tensor, features: list[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Return the logits for B×4×R×R, from its features if they are known."""
        logits: torch.Tensor
        if isinstance(self.discriminator, Discriminator) or self._pyramid is None:
            logits = self.discriminator(seen)
        else:
            features = self._pyramid(seen[:, 1:]) if features is None else features
            logits = self.discriminator(features, seen[:, :1])
        return logits

    def _autocast(self) -> torch.autocast:
        wanted = self._settings.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)


def needs_features(settings: GeneratorTraining) -> bool:
    """Return whether a training needs features of EfficientNet-Lite0."""
    return settings.discriminator == "projected" or settings.perceptual_weight > 0


def gradient_penalty(logits: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """Return R1, differentiable: the mean over the batch of ‖∂ logits / ∂ picture‖²."""
    (slope,) = torch.autograd.grad(logits.sum(), picture, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()


def network_input(
    batch: tuple[Any, Any], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move a batch of `batches.draw_batch` to a device: B×3×R×R in [-1, 1], and B×1×R×R."""
    pictures, known = (torch.from_numpy(each).to(device) for each in batch)
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1, known[:, None].float()


def restore(model: Model, parts: Mapping[str, Any]) -> None:
    """Load the state of all `Model.parts`."""
    for name, part in model.parts().items():
        part.load_state_dict(parts[name])
