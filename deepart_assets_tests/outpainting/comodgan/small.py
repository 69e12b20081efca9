"""Small generators with lively weights, and what goes into them."""

import torch

from deepart_assets.outpainting.comodgan.generator import Generator
from deepart_assets.outpainting.comodgan.spec import Spec, spec_for

SIDE = 32
"""Of the networks whose files are written and read."""


def lively(spec: Spec, seed: int = 0, **options) -> Generator:
    """A generator none of whose tensors is zero: biases, noise and mean of w count."""
    torch.manual_seed(seed)
    network = Generator(spec, **options)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith(("bias", "noise_strength", "w_avg")):
                value.add_(0.3 * torch.randn(value.shape))
    return network.eval()


def tiny(resolution: int = 32, seed: int = 0, **options) -> Generator:
    """Widths 6, 5, 4 … that tell the sides apart; latent 7, code 9."""
    sides = resolution.bit_length() - 2
    spec = Spec(resolution, tuple(max(3, 6 - k) for k in range(sides)), latent=7, code=9)
    return lively(spec, seed, **options)


def narrow(resolution: int = 64, seed: int = 0, **options) -> Generator:
    return lively(spec_for(resolution, base=256, most=16, latent=16, code=32), seed, **options)


def inputs(spec: Spec, count: int = 2, seed: int = 1, dtype=torch.float32):
    """Pictures, masks, z and noise."""
    random = torch.Generator().manual_seed(seed)
    side = spec.resolution
    pictures = torch.rand(count, 3, side, side, generator=random, dtype=dtype) * 2 - 1
    known = (torch.rand(count, 1, side, side, generator=random) < 0.4).to(dtype)
    z = torch.randn(count, spec.latent, generator=random, dtype=dtype)
    noise = [
        torch.randn(count, 1, each, each, generator=random, dtype=dtype)
        for each in spec.noise_sides
    ]
    return pictures, known, z, noise


def plain_state(network: Generator) -> dict[str, torch.Tensor]:
    """A copy of its tensors that lie in memory as files have them."""
    return {
        name: value.clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
