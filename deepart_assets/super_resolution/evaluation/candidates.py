"""Which upscalers an evaluation compares, and why one is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.upscaling.upscaler import (
    BicubicUpscaler,
    NetworkUpscaler,
    Upscaler,
)
from deepart_assets.super_resolution.weights import interpolate, read_state, spec_of

BICUBIC, BASE, GAN = "bicubic", "psnr_weights", "art_esrgan"


@dataclass
class Candidates:
    """The upscalers to compare, in the order of the table."""

    upscalers: dict[str, Callable[[], Upscaler]] = field(default_factory=dict)
    """Factories by name: a 64/23 network takes some hundred megabytes and is built when needed."""
    strengths: dict[str, float] = field(default_factory=dict)
    """Interpolation strengths by name, from the base (0) to the GAN (1)."""
    left_out: dict[str, str] = field(default_factory=dict)
    """The reason for each row that is unavailable, by name."""


def candidates(base: bytes, gan: bytes, choice: Evaluation, upscaling: Upscaling) -> Candidates:
    """List bicubic, the base, interpolations (ESRGAN, section 3.4) and the GAN.

    Args:
        base: A file of weights of the pixel stage (`weights.read_state`).
        gan: A file of weights of the adversarial stage.
        choice: The interpolations.
        upscaling: Settings of the tiled inference.
    """

    def network(weights: Callable[[], bytes], name: str) -> Callable[[], Upscaler]:
        return lambda: NetworkUpscaler(weights(), upscaling, name)

    found = Candidates()
    found.upscalers[BICUBIC] = BicubicUpscaler
    found.upscalers[BASE], found.strengths[BASE] = network(lambda: base, BASE), 0.0
    sizes = {name: spec_of(read_state(data, name)) for name, data in ((BASE, base), (GAN, gan))}
    for alpha in sorted(set(choice.interpolations)):
        name = f"interpolation {alpha:g}"
        if sizes[BASE] == sizes[GAN]:
            mixed = _mixed(base, gan, alpha)
            found.upscalers[name], found.strengths[name] = network(mixed, name), alpha
        else:
            found.left_out[name] = f"{BASE} is {sizes[BASE]}, {GAN} {sizes[GAN]}: not of one size"
    found.upscalers[GAN], found.strengths[GAN] = network(lambda: gan, GAN), 1.0
    return found


def _mixed(base: bytes, gan: bytes, alpha: float) -> Callable[[], bytes]:
    return lambda: interpolate(base, gan, alpha, (BASE, GAN))
