"""Adversarial losses: what generator and discriminator make of logits.

Belongs here: a function of logits for each kind of discriminator. Does not belong here: the
networks, other losses.

Imports torch at module level; only import it inside functions.
"""

import torch
from torch.nn import functional

from deepart_assets.settings.generator_training import DiscriminatorKind


def generator_loss(kind: DiscriminatorKind, fake: torch.Tensor) -> torch.Tensor:
    """Return softplus(-x) (Goodfellow et al. 2014, as CoModGAN), or -x beside the hinge loss."""
    return (-fake).mean() if kind == "projected" else functional.softplus(-fake).mean()


def discriminator_loss(
    kind: DiscriminatorKind, real: torch.Tensor, fake: torch.Tensor
) -> torch.Tensor:
    """Return the logistic loss as CoModGAN, or the hinge loss as Projected GAN (equation 3)."""
    if kind == "projected":
        return (functional.relu(1 - real) + functional.relu(1 + fake)).mean()
    return functional.softplus(fake).mean() + functional.softplus(-real).mean()
