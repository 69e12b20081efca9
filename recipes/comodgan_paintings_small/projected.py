"""A discriminator on the features of a pretrained network.

In Projected GANs (Sauer et al. 2021, arXiv 2111.01007), the features of a frozen network
(`pyramid`) go through fixed random mixing across channels and scales (section 3.2), and a small
head judges each scale. It needs few pictures and iterations. Unlike in the paper, the heads also
see the mask, as CoModGAN's discriminator does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from recipes.comodgan_paintings_small.pyramid import CHANNELS

MIXED = (32, 64, 96, 128)
"""Channels of the mixed maps, from the largest side; the paper has 64 to 512."""
WIDTH = 64
"""Channels of the heads."""
GROUPS = 8
"""Groups of the group normalisation, which replaces batch normalisation for small batches."""
SLOPE = 0.2


class ProjectedDiscriminator(nn.Module):
    """Four heads, one per scale; each returns a logit for each square of 32×32 pixels."""

    def __init__(self) -> None:
        super().__init__()
        sides = len(CHANNELS)
        for level in range(sides):
            below = MIXED[level + 1] if level + 1 < sides else 0
            here = MIXED[level]
            # Buffers: stored with the weights, not trained.
            self.register_buffer(f"across_channels{level}", _drawn(here, CHANNELS[level], 1))
            self.register_buffer(f"across_sides{level}", _drawn(here, here + below, 3))
            self.add_module(f"head{level}", _head(here + 1, halvings=sides - 1 - level))

    def forward(self, features: Sequence[torch.Tensor], known: torch.Tensor) -> torch.Tensor:
        """Return float32 logits, large for real paintings.

        Args:
            features: The maps of `Pyramid` for B×3×R×R.
            known: B×1×R×R, the mask.

        Returns:
            B×4·(R/32)².
        """
        logits, deeper = [], None
        for level in reversed(range(len(CHANNELS))):
            x = functional.conv2d(features[level], self.get_buffer(f"across_channels{level}"))
            if deeper is not None:
                # Nearest, then a 3×3 filter: as smooth as bilinear interpolation, and faster.
                x = torch.cat([x, functional.interpolate(deeper, x.shape[2:])], dim=1)
            deeper = x = functional.conv2d(
                x, self.get_buffer(f"across_sides{level}"), padding="same"
            )
            mask = functional.interpolate(known, x.shape[2:], mode="area")
            seen = torch.cat([x, mask.to(x.dtype)], dim=1)
            logits.append(self.get_submodule(f"head{level}")(seen).flatten(1))
        return torch.cat(logits, dim=1).float()


def _drawn(outputs: int, inputs: int, side: int) -> torch.Tensor:
    """Return a random filter that preserves the scale of its input."""
    weight = torch.empty(outputs, inputs, side, side)
    nn.init.kaiming_normal_(weight, nonlinearity="linear")
    return weight.contiguous(memory_format=torch.channels_last)


def _head(inputs: int, halvings: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(halvings):
        layers += _layer(nn.Conv2d(inputs, WIDTH, 4, stride=2, padding=1))
        inputs = WIDTH
    layers += _layer(nn.Conv2d(inputs, WIDTH, 3, padding=1))
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(WIDTH, 1, 3, padding=1)))


def _layer(convolution: nn.Conv2d) -> list[nn.Module]:
    return [
        spectral_norm(convolution),
        nn.GroupNorm(GROUPS, convolution.out_channels),
        nn.LeakyReLU(SLOPE),
    ]
