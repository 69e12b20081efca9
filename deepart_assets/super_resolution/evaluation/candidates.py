"""Which upscalers an evaluation compares, and why one is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.evaluation import Evaluation, Peer
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.storage.downloads import Downloads
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler, Upscaler
from deepart_assets.super_resolution.weights import fetch_network, interpolate, read_state, spec_of

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


def candidates(
    base: bytes,
    gan: bytes,
    choice: Evaluation,
    upscaling: Upscaling,
    peers: Mapping[str, bytes] | None = None,
) -> Candidates:
    """List bicubic, the base, interpolations (ESRGAN, section 3.4), the GAN and other networks.

    Args:
        base: A file of weights of the pixel stage (`weights.read_state`).
        gan: A file of weights of the adversarial stage.
        choice: The interpolations.
        upscaling: Settings of the tiled inference.
        peers: Files of weights of other networks, by name. They are run in fp32: not every
            architecture takes another format.
    """

    found = Candidates({BICUBIC: lambda: matlab_bicubic_enlarge})

    def add(name: str, strength: float, weights: Callable[[], bytes]) -> None:
        found.upscalers[name] = lambda: NetworkUpscaler(weights(), upscaling, name)
        found.strengths[name] = strength

    add(BASE, 0.0, lambda: base)
    sizes = {name: spec_of(read_state(data, name)) for name, data in ((BASE, base), (GAN, gan))}
    for alpha in sorted(set(choice.interpolations)):
        name = f"interpolation {alpha:g}"
        if sizes[BASE] == sizes[GAN]:
            add(name, alpha, partial(interpolate, base, gan, alpha, (BASE, GAN)))
        else:
            found.left_out[name] = f"{BASE} is {sizes[BASE]}, {GAN} {sizes[GAN]}: not of one size"
    add(GAN, 1.0, lambda: gan)
    exact = upscaling.model_copy(update={"precision": "fp32"})
    for name, data in (peers or {}).items():
        found.upscalers[name] = partial(NetworkUpscaler, data, exact, name)
    return found


def fetch_peers(
    choice: Mapping[str, Peer], downloads: Downloads
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the weights of the networks to compare with, and why others are unavailable."""
    found, left_out = {}, {}
    for name, weights in choice.items():
        try:
            key = f"super_resolution.evaluation.peers.{name}"
            found[name], _ = fetch_network(weights, downloads, key)
        except UnavailableError as reason:
            left_out[name] = str(reason)
    return found, left_out
