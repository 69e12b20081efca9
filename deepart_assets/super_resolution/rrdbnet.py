"""The RRDBNet ×4 for enlarging alone, with the names and the arithmetic of basicsr's.

basicsr's own is for training (`network`): importing it takes as long as torch does again, as it
brings torchvision and scipy along.
"""

import torch
from torch import nn
from torch.nn import functional

SLOPE = 0.2
RESIDUAL = 0.2


class _DenseBlock(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for number in range(5):
            outputs = growth if number < 4 else features
            convolution = nn.Conv2d(features + number * growth, outputs, 3, padding=1)
            self.add_module(f"conv{number + 1}", convolution)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        *first, last = self.children()
        for convolution in first:
            found.append(functional.leaky_relu(convolution(torch.cat(found, 1)), SLOPE))
        made: torch.Tensor = last(torch.cat(found, 1))
        return made * RESIDUAL + x


class _Block(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_DenseBlock(features, growth) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return made * RESIDUAL + x


class RRDBNet(nn.Module):
    """Maps RGB in [0, 1], batch×3×h×w, to batch×3×4h×4w, not clamped (ESRGAN, figure 4)."""

    def __init__(self, features: int, blocks: int, growth: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Sequential(*(_Block(features, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(features, features, 3, padding=1)
        self.conv_up1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv_up2 = nn.Conv2d(features, features, 3, padding=1)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enlarge a batch."""
        first = self.conv_first(x)
        features = first + self.conv_body(self.body(first))
        for enlarging in (self.conv_up1, self.conv_up2):
            twice = functional.interpolate(features, scale_factor=2, mode="nearest")
            features = functional.leaky_relu(enlarging(twice), SLOPE)
        high: torch.Tensor = functional.leaky_relu(self.conv_hr(features), SLOPE)
        made: torch.Tensor = self.conv_last(high)
        return made
