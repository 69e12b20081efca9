"""The initialisation and the noise of an RRDBNet ×4 (ESRGAN, Wang et al. 2018, figure 4).

The network maps RGB in [0, 1], batch×3×h×w, to batch×3×4h×4w and clamps nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepart_assets.compat import prepare

if TYPE_CHECKING:
    from torch import nn

PREFILTER = 0.22
"""Strength of the sharpening before the two bilinear enlargements, which blur. 0.22 compensates
best on bicubically reduced paintings; the network starts about 0.3 dB above bicubic."""


def initialise_as_interpolation(net: nn.Module) -> None:
    """Initialise the network as a good linear interpolation.

    A training of minutes has no time to learn interpolation first. The first three features carry
    the picture from end to end: `conv_first` sharpens it, each nearest ×2 followed by a
    [1 2 1]⊗[1 2 1]/16 kernel is a bilinear ×2, `conv_hr` and `conv_last` copy. LeakyReLU passes
    non-negative values. The result is the sharpened picture enlarged bilinearly twice, exact
    beyond the reach of zero padding (3 LR pixels from the border).

    All other weights stay random, except that the contribution of the body and of the other
    features starts at zero in `conv_body` and `conv_last`, as residual branches do in Fixup (Zhang
    et al. 2019). These two receive a gradient in the first step, everything before them from the
    second step on. The architecture is unchanged.
    """
    import torch

    sharpen = torch.tensor([-PREFILTER, 1 + 2 * PREFILTER, -PREFILTER])
    smooth = torch.tensor([0.25, 0.5, 0.25])
    copy = torch.tensor([0.0, 1.0, 0.0])
    with torch.no_grad():
        for name, kernel in (
            ("conv_first", sharpen),
            ("conv_up1", smooth),
            ("conv_up2", smooth),
            ("conv_hr", copy),
            ("conv_last", copy),
        ):
            weight = net.get_parameter(f"{name}.weight")
            weight[:3] = 0
            for channel in range(3):
                weight[channel, channel] = torch.outer(kernel, kernel)
            net.get_parameter(f"{name}.bias").zero_()
        net.get_parameter("conv_body.weight").zero_()
        net.get_parameter("conv_body.bias").zero_()


def add_noise(net: nn.Module, strength: float) -> None:
    """Add noise to the output x of each dense block in training mode: x + strength·x·N(0, 1).

    ESRGAN+ (Rakotonirina and Rasoanaivo 2020), as in traiNNer: gradients flow through both terms.
    The noise is drawn from torch's global generator.
    """
    prepare()
    import torch
    from basicsr.archs.rrdbnet_arch import ResidualDenseBlock

    def noisy(block: nn.Module, inputs: object, x: torch.Tensor) -> torch.Tensor | None:
        return x + strength * x * torch.randn_like(x) if block.training else None

    for block in net.modules():
        if strength and isinstance(block, ResidualDenseBlock):
            block.register_forward_hook(noisy)
