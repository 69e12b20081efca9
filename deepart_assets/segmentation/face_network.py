"""MediaPipe's full-range face detector, a BlazeFace (Bazarevsky et al. 2019) for distant faces.

`faces` runs it on pictures; `recipes/face_detector` converts the published weights.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from deepart_assets.compute.inference import single_threaded_inference
from deepart_assets.segmentation.published_network import padded

STRIDE = 4
"""Pixels from one place of the result to the next."""
MULTIPLE = 32
"""Of which the sides of the input are: five levels halve it."""
POINTS = 8
"""Per face: centre, size, the eyes, nose, mouth and ears."""

_ENCODER = (
    (32, 32, 8), (32, 32, 8), (32, 48, 12), (48, 48, 12), (48, 64, 16), (64, 96, 24),
    (96, 128, 32), (128, 128, 32), (128, 144, 36), (144, 192, 48), (192, 256, 64),
    (256, 384, 96), (384, 384, 96), (384, 384, 96), (384, 384, 96),
)  # fmt: skip
"""Channels of each block: in, out, between."""
_HALVING = (2, 5, 8, 11)
_LATERAL = (10, 7, 4)
"""Encoder blocks whose result is added on the way up, at 1/16, 1/8 and 1/4 of the input."""
_DECODER = ((384, 256, 96, 2), (96, 128, 64, 2), (64, 64, 48, 1))
"""Channels from below, from the encoder and after both; number of blocks."""


class Block(nn.Module):
    """Two depthwise convolutions, each narrowed or widened after, and the input itself."""

    def __init__(self, before: int, after: int, between: int, step: int = 1) -> None:
        super().__init__()
        self.step, self.more = step, after - before
        self.first = nn.Conv2d(before, before, 3, step, groups=before)
        self.narrow = nn.Conv2d(before, between, 1)
        self.second = nn.Conv2d(between, between, 3, padding=1, groups=between)
        self.widen = nn.Conv2d(between, after, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B×(channels after)×(H/step)×(W/step)."""
        seen = functional.relu(self.narrow(self.first(padded(x, 3, self.step))))
        if self.step > 1:
            x = functional.max_pool2d(x, 2)
        if self.more:
            x = functional.pad(x, (0, 0, 0, 0, 0, self.more))
        return functional.relu(x + self.widen(self.second(seen)))


class Rise(nn.Module):
    """Doubles the coarser features and adds the finer ones."""

    def __init__(self, below: int, beside: int, after: int, blocks: int) -> None:
        super().__init__()
        self.below, self.beside = nn.Conv2d(below, after, 1), nn.Conv2d(beside, after, 1)
        self.blocks = nn.Sequential(*(Block(after, after, after // 2) for _ in range(blocks)))

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Return features of the size of the finer ones."""
        coarse = functional.relu(self.below(coarse))
        doubled = functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        risen: torch.Tensor = self.blocks(doubled + functional.relu(self.beside(fine)))
        return risen


class FaceNetwork(nn.Module):
    """Fully convolutional: it takes pictures of any size in multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2)
        self.encoder = nn.ModuleList(
            Block(*channels, step=2 if number in _HALVING else 1)
            for number, channels in enumerate(_ENCODER)
        )
        self.decoder = nn.ModuleList(Rise(*channels) for channels in _DECODER)
        self.score = nn.Conv2d(48, 1, 1)
        self.points = nn.Conv2d(48, 2 * POINTS, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Find faces in RGB.

        Args:
            x: float32, B×3×H×W, in [-1, 1]; H and W are multiples of 32.

        Returns:
            Logits of a face, B×H/4×W/4; and B×H/4×W/4×8×2, x before y, in pixels: the size second,
            all others relative to the centre of the place.
        """
        x = functional.relu(self.stem(padded(x, 3, 2)))
        passed = []
        for block in self.encoder:
            x = block(x)
            passed.append(x)
        for rise, beside in zip(self.decoder, _LATERAL, strict=True):
            x = rise(x, passed[beside])
        points = self.points(x).permute(0, 2, 3, 1)
        return self.score(x)[:, 0], points.unflatten(3, (POINTS, 2))

    def found(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return every place's probability (n) and points (n×8×2, as x and y in the picture).

        Args:
            picture: uint8, H×W×3, RGB, any size.
        """
        height, width = picture.shape[:2]
        padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        with single_threaded_inference():
            logits, points = self(functional.pad(batch, padding))
        rows, columns = logits.shape[1:]
        y, x = np.mgrid[:rows, :columns] * STRIDE + STRIDE / 2
        centres = np.stack([x, y], axis=2).reshape(-1, 1, 2).astype(np.float32)
        absolute = np.asarray(points[0].reshape(-1, POINTS, 2).numpy()).copy()
        absolute[:, np.arange(POINTS) != 1] += centres
        return torch.sigmoid(logits[0]).numpy().ravel(), absolute
