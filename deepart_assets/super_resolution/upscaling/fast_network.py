"""An RRDBNet rearranged to run fast: the same function of the same weights.

Belongs here: how a trained network is executed (layout, number format, order of computation). Does
not belong here: tiles and memory (`upscaler`), the transforms of Winograd's convolution
(`winograd`).

Three things make it fast. Pixels lie channels last. The two enlargements, "each pixel four times,
then a 3×3 convolution", are done as four 2×2 convolutions of the small picture, one for each place
among the four: the same sums with the equal pixels' weights added beforehand, 4/9 of the
multiplications (as sub-pixel convolution, Shi et al. 2016, arXiv 1609.07009). And on a CPU the
dense blocks of wide networks go through `winograd`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import Precision

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDE = 32
"""Features from which Winograd pays. Measured on a CPU with AVX-512, one thread, windows of 124
pixels, the dense blocks alone: 64 features 1.7 times, 32 features 1.2 times as fast as channels
last; 16 features no faster."""

TAIL_MARGIN = 3
"""Pixels of the small picture that the end of the network sees around each: 1 + 1/2 + 1/4 + 1/4,
rounded up."""

TAIL_PIXELS = 8192
"""Of the small picture, enlarged at once, in whole rows. The end of the network holds 16 times the
pixels, so that it would take most of the memory, and does not stay in any cache."""

SLOPE = 0.2
"""Of the LeakyReLU."""


class FastRRDBNet:
    """A ×4 network in evaluation mode on its device, for inference only."""

    def __init__(self, net: nn.Module, precision: Precision = "fp32") -> None:
        """Copy the weights of `net`, which stays as it is, on the device that it is on.

        Raises:
            UnavailableError: Half precision on a CPU, which computes it many times slower.
        """
        import torch

        first = next(net.parameters())
        if precision == "fp16" and first.device.type == "cpu":
            raise UnavailableError(
                "super_resolution.upscaling.precision: fp16 needs a GPU; use bf16 or fp32"
            )
        self.device = first.device
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[
            precision
        ]
        parts: Any = net
        self._first, self._body, self._after, self._hr, self._last = (
            self._copy(part)
            for part in (
                parts.conv_first,
                parts.body,
                parts.conv_body,
                parts.conv_hr,
                parts.conv_last,
            )
        )
        self._ups = [self._phases(conv) for conv in (parts.conv_up1, parts.conv_up2)]
        self._trunk: Any = None
        wide = parts.conv_first.out_channels >= WIDE
        if wide and precision == "fp32" and self.device.type == "cpu":
            from deepart_assets.super_resolution.upscaling.winograd import WinogradTrunk

            self._trunk = WinogradTrunk(net)
            self._body = self._after = None

    def __call__(self, batch: torch.Tensor, margin: int = 0) -> torch.Tensor:
        """Enlarge.

        Args:
            batch: N×3×h×w, float32 in [0, 1], on the device.
            margin: Pixels on each side that are only context.

        Returns:
            float32, N×3×4(h-2·margin)×4(w-2·margin), not clamped: the inner part of what the
            network gives for the whole.
        """
        import torch

        with torch.inference_mode():
            batch = batch.to(self.dtype).contiguous(memory_format=torch.channels_last)
            features = self._features(self._first(batch))
            spare = max(0, margin - TAIL_MARGIN)
            height, width = features.shape[2:]
            features = features[:, :, spare : height - spare, spare : width - spare]
            return self._tail(features, margin - spare)

    def _features(self, features: torch.Tensor) -> torch.Tensor:
        import torch

        if self._trunk is None:
            return features + self._after(self._body(features))
        return torch.cat([self._trunk(one[None]) for one in features])

    def _tail(self, features: torch.Tensor, margin: int) -> torch.Tensor:
        """Enlarge the features in strips of rows and cut the margin off."""
        import torch

        height, width = (side - 2 * margin for side in features.shape[2:])
        out = features.new_empty((len(features), 3, 4 * height, 4 * width), dtype=torch.float32)
        count = -(-height * features.shape[3] // TAIL_PIXELS)
        step = -(-height // count)
        for top in range(0, height, step):
            first, last = top + margin, min(top + step, height) + margin
            out[:, :, 4 * (first - margin) : 4 * (last - margin)] = self._strip(
                features, first, last
            )[..., 4 * margin : 4 * (margin + width)]
        return out

    def _strip(self, features: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """Enlarge the rows from `first` to before `last`.

        Each layer gets as many rows more as the layers from it on see, and no more: rows outside
        of the picture do not exist, as for the whole picture, and what a layer makes of the
        outermost rows inside, which it takes for the border, is cut off before the next.
        """
        import torch
        from torch.nn.functional import leaky_relu_

        rows = _Rows(features.contiguous(memory_format=torch.channels_last), 0)
        rows = rows.cut(first - TAIL_MARGIN, last + TAIL_MARGIN)
        for scale, (kernels, bias) in zip((2, 4), self._ups, strict=True):
            doubled = self._doubled(rows.values, kernels, bias)
            rows = _Rows(doubled, 2 * rows.start).cut(scale * first - 2, scale * last + 2)
        sharp = _Rows(leaky_relu_(self._hr(rows.values), SLOPE), rows.start)
        sharp = sharp.cut(4 * first - 1, 4 * last + 1)
        return _Rows(self._last(sharp.values), sharp.start).cut(4 * first, 4 * last).values

    def _doubled(
        self, features: torch.Tensor, kernels: dict[tuple[int, int], torch.Tensor], bias: Any
    ) -> torch.Tensor:
        import torch
        from torch.nn.functional import conv2d, leaky_relu_, pad

        count, _, height, width = features.shape
        padded = pad(features, (1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)
        doubled = torch.empty(
            (count, len(bias), 2 * height, 2 * width),
            dtype=self.dtype,
            device=self.device,
            memory_format=torch.channels_last,
        )
        for (row, column), kernel in kernels.items():
            window = padded[:, :, row : row + height + 1, column : column + width + 1]
            doubled[:, :, row::2, column::2] = leaky_relu_(conv2d(window, kernel, bias), SLOPE)
        return doubled

    def _copy(self, module: nn.Module) -> Any:
        import copy

        import torch

        mine = copy.deepcopy(module).to(self.dtype)
        for weight in mine.parameters():
            weight.requires_grad_(False)
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        return mine

    def _phases(self, conv: Any) -> tuple[dict[tuple[int, int], torch.Tensor], torch.Tensor]:
        """Return the 2×2 kernels that give pixel (row, column) of each four, and the bias.

        The upper pixel of a pair sees the small picture's row above with the kernel's first row
        and its own with the other two; the lower its own with the first two and the row below.
        """
        import torch

        sums = torch.tensor(
            [[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]],
            dtype=torch.float64,
            device=self.device,
        )
        weight = conv.weight.detach().double()
        kernels = {}
        for row in (0, 1):
            for column in (0, 1):
                kernel = torch.einsum("ya,ocab,xb->ocyx", sums[row], weight, sums[column])
                kernels[row, column] = kernel.to(self.dtype).contiguous(
                    memory_format=torch.channels_last
                )
        return kernels, conv.bias.detach().to(self.dtype)


class _Rows(NamedTuple):
    """Some rows of a picture, and the number of the first of them."""

    values: torch.Tensor
    start: int

    def cut(self, first: int, last: int) -> _Rows:
        """Keep the rows from `first` to before `last`, as far as there are any."""
        first = max(first, self.start)
        return _Rows(self.values[:, :, first - self.start : last - self.start], first)
