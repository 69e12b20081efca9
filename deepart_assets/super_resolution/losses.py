"""The feature networks of the perceptual loss.

Belongs here: comparing what a network that looks at pictures sees. Does not belong here: the pixel
and adversarial losses, which are one line in `training`; loading EfficientNet (`backbones`).

nn.Module code: imported inside functions only.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from deepart_assets.backbones.efficientnet import efficientnet_lite0, normalised
from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError


def feature_loss(name: Literal["vgg19", "efficientnet_lite0"]) -> nn.Module:
    """Return a module that maps two batches (float32, N×3×h×w, in [0, 1]) to their distance.

    Gradients flow to the first batch; the network itself is fixed.

    Raises:
        UnavailableError: The weights or the package of the network cannot be had.
    """
    loss = Vgg19Loss() if name == "vgg19" else EfficientNetLoss()
    return loss.eval().requires_grad_(False)


class Vgg19Loss(nn.Module):
    """Mean absolute difference of VGG19's conv5_4 before its ReLU (ESRGAN, section 3.3).

    The input is normalised with ImageNet's mean and standard deviation; the weights are
    torchvision's (`IMAGENET1K_V1`), downloaded on first use into torch's cache.
    """

    CONV5_4 = 34

    def __init__(self) -> None:
        super().__init__()
        prepare()
        from torchvision.models import VGG19_Weights, vgg19

        try:
            layers = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features
        except (OSError, RuntimeError) as error:
            raise UnavailableError(
                f"VGG19's weights cannot be downloaded ({error}): put vgg19-dcbb9e9d.pth into"
                f" {torch.hub.get_dir()}/checkpoints, or set"
                " super_resolution.art_esrgan.feature_network: efficientnet_lite0"
            ) from error
        self.layers = layers[: self.CONV5_4 + 1]
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        self.mean = nn.Parameter(mean.view(1, 3, 1, 1))
        self.deviation = nn.Parameter(deviation.view(1, 3, 1, 1))

    def features(self, picture: torch.Tensor) -> torch.Tensor:
        """Return conv5_4: N×512×h/16×w/16."""
        return self.layers((picture - self.mean) / self.deviation)

    def forward(self, made: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
        """Return the mean absolute difference, a scalar."""
        with torch.no_grad():
            wanted = self.features(original)
        return nn.functional.l1_loss(self.features(made), wanted)


class EfficientNetLoss(nn.Module):
    """Mean absolute difference of features of EfficientNet-Lite0, for machines without VGG19.

    Compared are the outputs of the last blocks at strides 4, 8 and 16 (24, 40 and 80 channels).
    Like conv5_4 before its ReLU they are linear, not yet cut off by an activation. Each distance is
    divided by the originals' mean absolute feature, so that the three count alike.
    """

    LAST_BLOCKS = (2, 4, 7)

    def __init__(self) -> None:
        super().__init__()
        net: Any = efficientnet_lite0("super_resolution.art_esrgan.feature_network: vgg19")
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self.blocks = net._blocks[: self.LAST_BLOCKS[-1] + 1]

    def features(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Return the outputs of the chosen blocks: N×24×h/4×w/4, N×40×h/8×w/8, N×80×h/16×w/16."""
        x = self.stem(normalised(picture))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.LAST_BLOCKS:
                found.append(x)
        return found

    def forward(self, made: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
        """Return the mean over the layers of their relative absolute difference, a scalar."""
        with torch.no_grad():
            wanted = self.features(original)
        distances = [
            nn.functional.l1_loss(found, target) / target.abs().mean().clamp_min(1e-6)
            for found, target in zip(self.features(made), wanted, strict=True)
        ]
        return torch.stack(distances).mean()
