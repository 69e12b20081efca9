"""The adversarial losses of generator and discriminator."""

import torch
from torch.nn import functional

from recipes.comodgan_paintings_small.settings import DiscriminatorKind


def generator_loss(kind: DiscriminatorKind, fake: torch.Tensor) -> torch.Tensor:
    """Return softplus(-x) (Goodfellow et al. 2014, as in CoModGAN), or -x with the hinge loss."""
    return (-fake).mean() if kind == "projected" else functional.softplus(-fake).mean()


def discriminator_loss(
    kind: DiscriminatorKind, real: torch.Tensor, fake: torch.Tensor
) -> torch.Tensor:
    """Return the logistic loss of CoModGAN, or the hinge loss of Projected GAN (equation 3)."""
    if kind == "projected":
        return (functional.relu(1 - real) + functional.relu(1 + fake)).mean()
    return functional.softplus(fake).mean() + functional.softplus(-real).mean()
