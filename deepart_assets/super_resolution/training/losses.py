"""The perceptual loss on EfficientNet-Lite0, which BasicSR lacks.

Import only inside functions, after `compat.prepare()`.
"""

from __future__ import annotations

from typing import Any

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import nn

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised


@LOSS_REGISTRY.register()
class EfficientNetLoss(nn.Module):
    """Mean absolute difference of features of EfficientNet-Lite0, for machines without VGG19.

    It compares the outputs of the last blocks at strides 4, 8 and 16 (24, 40 and 80 channels),
    which are linear like conv5_4 before its ReLU. Each distance is divided by the mean absolute
    feature of the originals, so that the three have equal weight. Gradients flow to the first
    argument; the network is frozen.

    Args:
        perceptual_weight: Factor of the distance.

    Raises:
        UnavailableError: The package with the network is not installed.
    """

    LAST_BLOCKS = (2, 4, 7)

    def __init__(self, perceptual_weight: float = 1.0) -> None:
        super().__init__()
        net: Any = efficientnet_lite0("super_resolution.art_esrgan.train.perceptual_opt")
        self.perceptual_weight = perceptual_weight
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self.blocks = net._blocks[: self.LAST_BLOCKS[-1] + 1]
        self.eval().requires_grad_(False)

    def features(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Return the outputs of the chosen blocks: N×24×h/4×w/4, N×40×h/8×w/8, N×80×h/16×w/16."""
        x = self.stem(normalised(picture))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.LAST_BLOCKS:
                found.append(x)
        return found

    def forward(self, made: torch.Tensor, original: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Compare two batches (float32, N×3×h×w, in [0, 1]).

        Returns:
            The weighted mean of the relative absolute differences of the layers, a scalar, and None
            in place of a style loss.
        """
        with torch.no_grad():
            wanted = self.features(original)
        distances = [
            nn.functional.l1_loss(found, target) / target.abs().mean().clamp_min(1e-6)
            for found, target in zip(self.features(made), wanted, strict=True)
        ]
        return self.perceptual_weight * torch.stack(distances).mean(), None
