"""The generator: mapping, encoder, and synthesis modulated by both (Zhao et al. 2021, figure 3).

Imports torch at module level; only import it inside functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from deepart_assets.outpainting.comodgan.layers import (
    EPSILON,
    Conv,
    Linear,
    ModulatedConv,
    ToRGB,
    doubled,
)
from deepart_assets.outpainting.comodgan.spec import MAPPING_LAYERS, SMALLEST, Spec

MAPPING_RATE = 0.01
"""Factor of the learning rate of the mapping (lrmul)."""
DROPOUT = 0.5


class Mapping(nn.Module):
    """Maps z ~ N(0, 1) to w, both B×latent."""

    w_avg: torch.Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        for k in range(MAPPING_LAYERS):
            self.add_module(f"fc{k}", Linear(latent, latent, rate=MAPPING_RATE))
        self.register_buffer("w_avg", torch.zeros(latent))

    def forward(self, z: torch.Tensor, truncation: float = 1.0) -> torch.Tensor:
        """Return w; its distance to the running mean is multiplied by `truncation`."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)
        for k in range(MAPPING_LAYERS):
            x = self.get_submodule(f"fc{k}")(x)
        return x if truncation == 1 else torch.lerp(self.w_avg, x, truncation)


class EncoderBlock(nn.Module):
    """The encoder at one side: a skip for the synthesis, and the input at half the side."""

    def __init__(self, here: int, below: int, *, first: bool) -> None:
        super().__init__()
        self.fromrgb = Conv(4, here, 1) if first else None
        self.conv0 = Conv(here, here)
        self.conv1 = Conv(here, below, down=True)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the skip B×here×S×S, and B×below×S/2×S/2."""
        skip = self.conv0(x if self.fromrgb is None else self.fromrgb(x))
        return skip, self.conv1(skip)


class EncoderEnd(nn.Module):
    """The end of the encoder: 4×4 feature maps and the global code."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.conv = Conv(width, width)
        self.fc = Linear(width * SMALLEST**2, code)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the skip B×width×4×4 and the code B×code, before dropout."""
        skip = self.conv(x)
        return skip, self.fc(skip.flatten(1))


class Encoder(nn.Module):
    """Encodes mask and picture into skips at every side and the global code."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self._sides = spec.sides
        for side in spec.sides[1:]:
            here, below = spec.width(side), spec.width(side // 2)
            block = EncoderBlock(here, below, first=side == spec.resolution)
            self.add_module(f"b{side}", block)
        self.b4 = EncoderEnd(spec.width(SMALLEST), spec.code)

    def forward(
        self, picture: torch.Tensor, known: torch.Tensor
    ) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
        """Return the skips by side, and the global code."""
        x = torch.cat([known - 0.5, picture * known], dim=1)
        x = x.contiguous(memory_format=torch.channels_last)
        skips = {}
        for side in reversed(self._sides[1:]):
            skips[side], x = self.get_submodule(f"b{side}")(x)
        skips[SMALLEST], code = self.b4(x)
        return skips, code


class SynthesisStart(nn.Module):
    """The synthesis at 4×4, from the global code."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        width, style = spec.width(SMALLEST), spec.latent + spec.code
        self.fc = Linear(spec.code, width * SMALLEST**2)
        self.conv = ModulatedConv(width, width, style, SMALLEST)
        self.torgb = ToRGB(width, style)


class SynthesisBlock(nn.Module):
    """The synthesis at one side, from half the side."""

    def __init__(self, spec: Spec, side: int) -> None:
        super().__init__()
        here, below, style = spec.width(side), spec.width(side // 2), spec.latent + spec.code
        self.conv0 = ModulatedConv(below, here, style, side, up=True)
        self.conv1 = ModulatedConv(here, here, style, side)
        self.torgb = ToRGB(here, style)


class Synthesis(nn.Module):
    """Generates a picture from skips, global code and w."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self._sides = spec.sides
        self.b4 = SynthesisStart(spec)
        for side in spec.sides[1:]:
            self.add_module(f"b{side}", SynthesisBlock(spec, side))

    def forward(
        self,
        skips: dict[int, torch.Tensor],
        code: torch.Tensor,
        ws: torch.Tensor,
        noise: Sequence[torch.Tensor] | None,
    ) -> torch.Tensor:
        """Return the picture, B×3×R×R, float32; `ws` is B×layers×latent."""
        # One w for each pair of a block's toRGB and the next block's first convolution.
        styles = [torch.cat([w, code], dim=1) for w in ws.unbind(1)]
        noises = iter(noise) if noise is not None else repeat(None)
        start = self.b4
        x = start.fc(code).unflatten(1, (-1, SMALLEST, SMALLEST))
        x = x.contiguous(memory_format=torch.channels_last)
        x = start.conv(x + skips[SMALLEST], styles[0], next(noises))
        picture = start.torgb(x, styles[1])
        for number, side in enumerate(self._sides[1:]):
            block = cast(SynthesisBlock, self.get_submodule(f"b{side}"))
            x = block.conv0(x, styles[2 * number + 1], next(noises)) + skips[side]
            x = block.conv1(x, styles[2 * number + 2], next(noises))
            picture = doubled(picture) + block.torgb(x, styles[2 * number + 3])
        return picture


class Generator(nn.Module):
    """CoModGAN's generator. The parameters have the names of `weights.generator_shapes`.

    Args:
        spec: The sizes.
        always_dropout: Whether to apply dropout in evaluation mode too, as the official code does;
            the latent alone then does not determine the result.
    """

    def __init__(self, spec: Spec, *, always_dropout: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.always_dropout = always_dropout
        self.mapping = Mapping(spec.latent)
        self.encoder = Encoder(spec)
        self.synthesis = Synthesis(spec)
        for weight in self.parameters():
            if weight.ndim == 4:  # convolutions on a CPU are three times as fast in this layout
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(
        self,
        picture: torch.Tensor,
        known: torch.Tensor,
        ws: torch.Tensor,
        noise: Sequence[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Paint a picture; the known pixels are changed, too (see `composed`).

        Args:
            picture: B×3×R×R in [-1, 1]; unknown pixels are ignored.
            known: B×1×R×R, 1 = known, 0 = hole.
            ws: B×latent, or B×layers×latent with one w per layer.
            noise: One tensor of N(0, 1) per 3×3 layer of the synthesis, each B×1×S×S or 1×1×S×S, in
                the order of `Spec.noise_sides`; None for the constant noise of the weights.

        Returns:
            B×3×R×R, float32, approximately in [-1, 1], not clipped.
        """
        skips, code = self.encoder(picture, known)
        code = functional.dropout(code, DROPOUT, self.training or self.always_dropout)
        if ws.ndim == 2:
            ws = ws[:, None].expand(-1, self.spec.layers, -1)
        painted: torch.Tensor = self.synthesis(skips, code, ws, noise)
        return painted


def composed(painted: torch.Tensor, picture: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the painted pixels in the hole and the picture elsewhere."""
    return painted * (1 - known) + picture * known


def draw_noise(
    spec: Spec, count: int, generator: torch.Generator | None, device: torch.device | str = "cpu"
) -> list[torch.Tensor]:
    """Draw the noise of `count` pictures for `Generator.forward`, on the generator's device."""
    source = generator.device if generator is not None else device
    return [
        torch.randn(count, 1, side, side, generator=generator, device=source).to(device)
        for side in spec.noise_sides
    ]
