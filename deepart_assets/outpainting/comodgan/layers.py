"""The layers of CoModGAN's generator and discriminator (StyleGAN2, Karras et al. 2020).

Every leaky ReLU (slope 0.2) is followed by a gain of √2. As the ReLU is homogeneous, the gain is
applied to weights and biases, which are small, instead of to the feature maps.

Imports torch at module level; only import it inside functions.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SLOPE = 0.2
GAIN = 2**0.5
EPSILON = 1e-8
TAPS = (1.0, 3.0, 3.0, 1.0)
"""The resampling filter along each axis, before normalisation to a sum of 1."""


class Linear(nn.Module):
    """An equalised linear layer: B×inputs → B×outputs.

    Args:
        inputs: Length of the input.
        outputs: Length of the output.
        active: Whether a leaky ReLU and its gain follow.
        rate: Factor of the layer's learning rate (lrmul).
        bias: Initial value of the bias.
    """

    def __init__(
        self, inputs: int, outputs: int, *, active: bool = True, rate: float = 1.0, bias: float = 0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        gain = GAIN if active else 1.0
        self._scale, self._bias_scale, self._active = gain * rate / inputs**0.5, gain * rate, active

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B×outputs."""
        bias = self.bias if self._bias_scale == 1 else self.bias * self._bias_scale
        x = functional.linear(x, self.weight * self._scale, bias)
        return functional.leaky_relu(x, SLOPE) if self._active else x


class Conv(nn.Module):
    """An equalised convolution with zero padding, optionally with a leaky ReLU and downsampling.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: 1 or 3.
        down: Whether to halve the side by the resampling filter and a stride of two.
        active: Whether a leaky ReLU and its gain follow.
        bias: Whether there is a bias.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        down: bool = False,
        active: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self._gain = GAIN if active else 1.0
        self._scale = self._gain / (inputs * kernel**2) ** 0.5
        self._kernel, self._down, self._active = kernel, down, active

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return B×outputs×H×W, or B×outputs×H/2×W/2."""
        weight = self.weight * self._scale
        bias = None if self.bias is None else self.bias * self._gain
        if self._down:
            # A filter of stride 2 is enough before a 1×1 layer, but slower to differentiate.
            x = filtered(x, padding=(self._kernel + 1) // 2)
            x = functional.conv2d(x, weight, bias, stride=2)
        else:
            x = functional.conv2d(x, weight, bias, padding=self._kernel // 2)
        return functional.leaky_relu(x, SLOPE, inplace=True) if self._active else x


class ModulatedConv(nn.Module):
    """A 3×3 convolution whose input channels are scaled by a style, with noise and leaky ReLU.

    Scaling input and output (the demodulation) is equivalent to separate weights for each picture
    (Karras et al. 2020, appendix B), and keeps a batch in one convolution. The styles are first
    divided by their largest value, which the demodulation undoes, including ε: this avoids overflow
    in half precision.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        style: Length of the style's input, [w, g].
        side: Side S of the output.
        up: Whether to double the side.
    """

    noise_const: torch.Tensor

    def __init__(
        self, inputs: int, outputs: int, style: int, side: int, *, up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = Linear(style, inputs, active=False, bias=1)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(side, side))
        self._scale, self._up = 1 / (inputs * 9) ** 0.5, up

    def forward(
        self, x: torch.Tensor, style: torch.Tensor, noise: torch.Tensor | None
    ) -> torch.Tensor:
        """Return B×outputs×S×S.

        Args:
            x: B×inputs×S×S, or B×inputs×S/2×S/2 with `up`.
            style: B×style.
            noise: B×1×S×S or 1×1×S×S of N(0, 1); None for the layer's constant noise.
        """
        style = _precise(self.affine(style))
        largest = style.detach().abs().amax(1, keepdim=True).clamp_min(EPSILON)
        style = style / largest * self._scale
        energy = _precise(self.weight).square().sum((2, 3))
        with torch.autocast(x.device.type, enabled=False):
            power = functional.linear(style.square(), energy)
        demodulation = (GAIN * torch.rsqrt(power + EPSILON / largest.square()))[..., None, None]

        x = x * style[..., None, None].to(x.dtype)
        if self._up:
            x = functional.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            x = filtered(x, padding=1, gain=4)
        else:
            x = functional.conv2d(x, self.weight, padding=1)
        noise = self.noise_const if noise is None else noise
        added = noise * (self.noise_strength * GAIN) + (self.bias * GAIN)[:, None, None]
        x = torch.addcmul(added.to(x.dtype), x, demodulation.to(x.dtype))
        return functional.leaky_relu(x, SLOPE, inplace=True)


class ToRGB(nn.Module):
    """A modulated 1×1 convolution to three channels: no demodulation, noise or activation."""

    def __init__(self, inputs: int, style: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = Linear(style, inputs, active=False, bias=1)
        self._scale = 1 / inputs**0.5

    def forward(self, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        """Return B×3×S×S, float32, from B×inputs×S×S."""
        style = _precise(self.affine(style)) * self._scale
        x = x * style[..., None, None].to(x.dtype)
        return _precise(functional.conv2d(x, self.weight)) + self.bias[:, None, None]


# --- the resampling filter -----------------------------------------------------------------------


def filtered(x: torch.Tensor, *, padding: int, gain: float = 1) -> torch.Tensor:
    """Apply the 4×4 resampling filter to each channel, with zero padding.

    Returns:
        B×C×H'×W' with H' = H + 2·padding - 3.
    """
    return functional.conv2d(x, _kernel(x, gain), padding=padding, groups=x.shape[1])


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Double the sides of B×C×H×W: insert zeros, then filter with a gain of four."""
    with torch.autocast(x.device.type, enabled=False):  # pictures of all sides are summed
        kernel = _kernel(x, 4)
        return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def _precise(x: torch.Tensor) -> torch.Tensor:
    """Convert half precision to float32; leave other types as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _kernel(x: torch.Tensor, gain: float) -> torch.Tensor:
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device)
    kernel = torch.outer(taps, taps) * (gain / sum(TAPS) ** 2)
    return kernel.expand(x.shape[1], 1, 4, 4)
