"""Which upscalers an evaluation compares.

Belongs here: the rows of its table, and why one is left out. Does not belong here: measuring
(`comparison`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.evaluation import Evaluation, RegistryName
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.upscaling.upscaler import (
    BicubicUpscaler,
    RRDBNetUpscaler,
    Upscaler,
)
from deepart_assets.super_resolution.weights import (
    interpolate,
    is_installed,
    read_state,
    registry_weights,
    spec_of,
)
from deepart_assets.super_resolution.weights.registry import registry_sha256

BICUBIC, BASE, GAN = "bicubic", "psnr_weights", "art_esrgan"


@dataclass
class Candidates:
    """What is compared, in the order of the table."""

    upscalers: dict[str, Callable[[], Upscaler]] = field(default_factory=dict)
    """By name, made when it is its turn: a network of 64/23 takes some hundred megabytes."""
    strengths: dict[str, float] = field(default_factory=dict)
    """Those on the line from the base (0) to the GAN (1)."""
    left_out: dict[str, str] = field(default_factory=dict)
    """The reason for each row that is wanted and cannot be had."""


def candidates(base: bytes, gan: bytes, choice: Evaluation, upscaling: Upscaling) -> Candidates:
    """List bicubic, the base, interpolations (ESRGAN, section 3.4) up to the GAN, and peers.

    Args:
        base: A file of weights of the pixel stage (`weights.read_state`).
        gan: One of the adversarial stage.
        choice: Which interpolations and peers.
        upscaling: How networks are run.
    """

    def network(weights: Callable[[], bytes], name: str) -> Callable[[], Upscaler]:
        return lambda: RRDBNetUpscaler(weights(), upscaling, name)

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
    for peer in dict.fromkeys(choice.peers):
        try:
            weights = registry_weights(peer)
        except UnavailableError as reason:
            found.left_out[peer] = str(reason)
        else:
            found.upscalers[peer] = network(_kept(weights), peer)
    return found


def peer_versions(peers: tuple[RegistryName, ...]) -> dict[str, str]:
    """Return what the rows of peers depend on: the SHA-256 of each, or that it is missing."""
    return {
        peer: registry_sha256(peer) if is_installed(peer) else "not installed" for peer in peers
    }


def _mixed(base: bytes, gan: bytes, alpha: float) -> Callable[[], bytes]:
    return lambda: interpolate(base, gan, alpha, (BASE, GAN))


def _kept(weights: bytes) -> Callable[[], bytes]:
    return lambda: weights
