"""Feature maps of EfficientNet-Lite0 at four scales, and a distance between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised

CHANNELS = (24, 40, 112, 320)
"""Channels of the maps at 1/4, 1/8, 1/16 and 1/32 of the side."""
OTHERWISE = "discriminator: comodgan with perceptual_weight: 0"

_ENDS = (2, 4, 10, 15)
"""The last block of each scale."""


class Pyramid:
    """EfficientNet-Lite0 as in Projected GANs; not a module, as it is not trained.

    Args:
        device: The device to compute on.

    Raises:
        UnavailableError: One of its packages is not installed.
    """

    def __init__(self, device: torch.device) -> None:
        network = efficientnet_lite0(OTHERWISE).eval().requires_grad_(False)
        _merge_normalisations(network)
        self._network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Return the feature maps of pictures; differentiable.

        Args:
            picture: B×3×R×R in [-1, 1], R a multiple of 32.

        Returns:
            B×C×R/4×R/4 … B×C×R/32×R/32 with C from `CHANNELS`.
        """
        x = normalised((picture + 1) / 2).contiguous(memory_format=torch.channels_last)
        net = self._network
        x = net._swish(net._bn0(net._conv_stem(x)))
        maps = []
        for number, block in enumerate(net._blocks[: _ENDS[-1] + 1]):
            x = block(x)
            if number in _ENDS:
                maps.append(x)
        return maps


def perceptual_distance(
    painted: Sequence[torch.Tensor], real: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Return the distance of feature maps: the mean over the scales of Σ|a - b| / Σ|b|."""
    shares = [
        (ours - theirs).abs().sum() / theirs.abs().sum().clamp_min(1e-6)
        for ours, theirs in zip(painted, real, strict=True)
    ]
    return torch.stack(shares).mean()


def _merge_normalisations(network: nn.Module) -> None:
    """Merge each normalisation into the convolution before it, which saves a third of the time."""
    pairs = (
        ("_conv_stem", "_bn0"),
        ("_expand_conv", "_bn0"),
        ("_depthwise_conv", "_bn1"),
        ("_project_conv", "_bn2"),
    )
    for module in [network, *network._blocks]:  # type: ignore[misc]
        for convolution, normalisation in pairs:
            if hasattr(module, convolution):
                merged = nn.utils.fuse_conv_bn_eval(
                    getattr(module, convolution), getattr(module, normalisation)
                )
                setattr(module, convolution, merged)
                setattr(module, normalisation, nn.Identity())
