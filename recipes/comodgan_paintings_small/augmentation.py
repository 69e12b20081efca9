"""DiffAugment of the discriminator's input (Zhao et al. 2020, arXiv 2006.10738)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

SHIFT = 1 / 8
"""Largest shift, as a share of the side."""
CUT = 1 / 2
"""Side of the cutout, as a share of the side."""


def augmented(x: torch.Tensor, kinds: Sequence[str]) -> torch.Tensor:
    """Augment the discriminator's input; differentiable.

    Args:
        x: B×(1+3n)×R×R: the mask, and n pictures in [-1, 1] that are changed in the same way.
        kinds: Any of "colour" (only the pictures), "translation" and "cutout" (mask and pictures).

    Returns:
        The same shape; pixels shifted in or cut out are 0.
    """
    if "colour" in kinds:
        pictures = _coloured(x[:, 1:].unflatten(1, (-1, 3)))
        x = torch.cat([x[:, :1], pictures.flatten(1, 2)], dim=1)
    if "translation" in kinds:
        x = _translated(x)
    return _cut(x) if "cutout" in kinds else x


def _coloured(x: torch.Tensor) -> torch.Tensor:
    brightness, saturation, contrast = torch.rand(3, len(x), 1, 1, 1, 1, device=x.device)
    x = x + (brightness - 0.5)
    mean = x.mean(2, keepdim=True)
    x = (x - mean) * (2 * saturation) + mean
    mean = x.mean((2, 3, 4), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def _translated(x: torch.Tensor) -> torch.Tensor:
    count, _, height, width = x.shape
    most = (round(height * SHIFT), round(width * SHIFT))
    down, right = (torch.randint(-each, each + 1, (count, 1), device=x.device) for each in most)
    padded = functional.pad(x, (most[1], most[1], most[0], most[0]))
    rows = (torch.arange(height, device=x.device) + most[0] - down)[:, None, :, None]
    columns = (torch.arange(width, device=x.device) + most[1] - right)[:, None, None, :]
    taken = padded.gather(2, rows.expand(-1, x.shape[1], -1, padded.shape[3]))
    return taken.gather(3, columns.expand(-1, x.shape[1], height, -1))


def _cut(x: torch.Tensor) -> torch.Tensor:
    count, _, height, width = x.shape
    inside = []
    for side, shape in ((height, (-1, 1, height, 1)), (width, (-1, 1, 1, width))):
        cut = round(side * CUT)
        middle = torch.randint(0, side + (1 - cut % 2), (count, 1), device=x.device)
        places = torch.arange(side, device=x.device) - (middle - cut // 2)
        inside.append(((places >= 0) & (places < cut)).reshape(shape))
    return x * ~(inside[0] & inside[1])
