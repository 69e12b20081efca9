"""The discriminator: the residual one of StyleGAN2, with the mask as another input channel."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from deepart_assets.outpainting.comodgan.layers import Conv, Linear
from deepart_assets.outpainting.comodgan.spec import SMALLEST, Spec

GROUP = 4
"""Largest group of pictures whose standard deviation is computed."""


class Block(nn.Module):
    """Two convolutions, the second of which halves the side, and a shortcut around them."""

    def __init__(self, here: int, below: int, *, first: bool) -> None:
        super().__init__()
        self.fromrgb = Conv(4, here, 1) if first else None
        self.conv0 = Conv(here, here)
        self.conv1 = Conv(here, below, down=True)
        self.skip = Conv(here, below, 1, down=True, active=False, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B×below×S/2×S/2."""
        x = x if self.fromrgb is None else self.fromrgb(x)
        sum_: torch.Tensor = (self.conv1(self.conv0(x)) + self.skip(x)) * 0.5**0.5
        return sum_


class End(nn.Module):
    """Reduces 4×4 feature maps to a logit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = Conv(width + 1, width)
        self.fc = Linear(width * SMALLEST**2, width)
        self.out = Linear(width, 1, active=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B logits."""
        x = torch.cat([x, deviation(x)], dim=1)
        logits: torch.Tensor = self.out(self.fc(self.conv(x).flatten(1)))
        return logits[:, 0]


class Discriminator(nn.Module):
    """Distinguishes paintings from composed ones. `spec.latent` and `spec.code` are not used."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self._sides = spec.sides
        for side in spec.sides[1:]:
            block = Block(spec.width(side), spec.width(side // 2), first=side == spec.resolution)
            self.add_module(f"b{side}", block)
        self.b4 = End(spec.width(SMALLEST))
        for weight in self.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B float32 logits, large for real paintings, from B×4×R×R (see `judged`)."""
        x = x.contiguous(memory_format=torch.channels_last)
        for side in reversed(self._sides[1:]):
            x = cast(Block, self.get_submodule(f"b{side}"))(x)
        logits: torch.Tensor = self.b4(x)
        return logits.float() if logits.dtype != torch.float64 else logits


def judged(picture: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the discriminator's input for a picture and its mask: B×4×R×R."""
    return torch.cat([known - 0.5, picture], dim=1)


def deviation(x: torch.Tensor) -> torch.Tensor:
    """Return the mean standard deviation over groups of the batch: B×1×H×W from B×C×H×W.

    The size of a group is the largest divisor of the batch size up to four. As in StyleGAN2, the
    pictures of a group are `B / size` apart.
    """
    count = len(x)
    group = next(size for size in range(min(GROUP, count), 0, -1) if count % size == 0)
    y = x.reshape(group, -1, *x.shape[1:])
    y = y.float() if y.dtype in (torch.float16, torch.bfloat16) else y
    spread = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
    return spread.to(x.dtype).repeat(group, 1, *x.shape[2:])
