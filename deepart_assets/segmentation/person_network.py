"""MediaPipe's selfie segmentation, a MobileNetV3 (Howard et al. 2019) that finds people.

`persons` runs it on pictures; `recipes/person_segmenter` converts the published weights.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from deepart_assets.compute.inference import single_threaded_inference
from deepart_assets.segmentation.published_network import padded

SIDE = 256
"""Side of the input in training, in pixels."""


class Shape(NamedTuple):
    """What a block of the encoder is made of."""

    before: int
    between: int
    after: int
    """Channels."""
    window: int
    step: int
    attention: int
    """Channels; 0: it has none."""
    activation: Callable[[torch.Tensor], torch.Tensor] = functional.hardswish


_ENCODER = (
    Shape(16, 16, 16, 3, 2, 8, functional.relu), Shape(16, 72, 24, 3, 2, 0, functional.relu),
    Shape(24, 88, 24, 3, 1, 0, functional.relu), Shape(24, 96, 32, 5, 2, 24),
    Shape(32, 128, 32, 5, 1, 32), Shape(32, 128, 32, 5, 1, 32),
    Shape(32, 96, 32, 5, 1, 24), Shape(32, 96, 32, 5, 1, 24),
)  # fmt: skip
_SUMMARY = 128
_DECODER = ((128, 24), (24, 16), (16, 16))
"""Channels from below, and after."""
_LATERAL = (3, 1, 0)
"""What is added on the way up, at 1/8, 1/4 and 1/2 of the input: 0 is the stem, 1 block 0."""


class Attention(nn.Module):
    """Weighs channels by their means (squeeze and excitation)."""

    def __init__(self, channels: int, between: int) -> None:
        super().__init__()
        self.narrow, self.widen = nn.Conv2d(channels, between, 1), nn.Conv2d(between, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return weights in [0, 1], B×C×1×1."""
        mean = x.mean((2, 3), keepdim=True)
        return torch.sigmoid(self.widen(functional.relu(self.narrow(mean))))


class Block(nn.Module):
    """An inverted residual: widened, seen through a window channel by channel, narrowed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        between = shape.between
        self.shape = shape
        self.widen = nn.Conv2d(shape.before, between, 1)
        self.spatial = nn.Conv2d(between, between, shape.window, shape.step, groups=between)
        self.attention = Attention(between, shape.attention) if shape.attention else None
        self.narrow = nn.Conv2d(between, shape.after, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B×(channels after)×(H/step)×(W/step)."""
        shape = self.shape
        seen = shape.activation(self.widen(x))
        seen = shape.activation(self.spatial(padded(seen, shape.window, shape.step)))
        if self.attention is not None:
            seen = seen * self.attention(seen)
        seen = self.narrow(seen)
        return x + seen if shape.step == 1 and shape.before == shape.after else seen


class Rise(nn.Module):
    """Doubles the coarser features and adds what matters of the finer ones."""

    def __init__(self, below: int, after: int) -> None:
        super().__init__()
        self.below, self.attention = nn.Conv2d(below, after, 1), Attention(after, after)
        self.mix = nn.Conv2d(after, after, 1)
        self.spatial = nn.Conv2d(after, after, 3, padding=1, groups=after)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Return features of the size of the finer ones."""
        doubled = functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        coarse = self.below(doubled)
        x = functional.relu(self.mix(coarse + fine * self.attention(coarse + fine)))
        return x + functional.relu(self.spatial(x))


class PersonNetwork(nn.Module):
    """Convolutional but for the means in its attention."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2)
        self.encoder = nn.ModuleList(Block(each) for each in _ENCODER)
        last = _ENCODER[-1].after
        self.local, self.summary = nn.Conv2d(last, _SUMMARY, 1), nn.Conv2d(last, _SUMMARY, 1)
        self.decoder = nn.ModuleList(Rise(*each) for each in _DECODER)
        self.last = nn.ConvTranspose2d(_DECODER[-1][1], 1, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return how probably each pixel is a person's.

        Args:
            x: float32, B×3×H×W, RGB in [0, 1]; H and W are multiples of 16.

        Returns:
            float32 in [0, 1], B×H×W.
        """
        x = functional.hardswish(self.stem(padded(x, 3, 2)))
        passed = [x]
        for block in self.encoder:
            x = block(x)
            passed.append(x)
        weights = torch.sigmoid(self.summary(x.mean((2, 3), keepdim=True)))
        x = functional.relu(self.local(x)) * weights
        for rise, beside in zip(self.decoder, _LATERAL, strict=True):
            x = rise(x, passed[beside])
        return torch.sigmoid(self.last(x))[:, 0]

    def probability(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Look at pictures: uint8, B×256×256×3, RGB; returns float32 in [0, 1], B×256×256."""
        with single_threaded_inference():
            batch = torch.from_numpy(views).permute(0, 3, 1, 2).float() / 255
            return np.asarray(self(batch.contiguous()).numpy())
