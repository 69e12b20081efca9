"""Builds the outpainter that a profile's settings name."""

from collections.abc import Callable
from pathlib import Path

from deepart_assets.outpainting import base
from deepart_assets.outpainting.artificially_inspired import (
    ArtificiallyInspiredOutpainter,
    Enlarger,
)
from deepart_assets.outpainting.comodgan.sources import fetch_weights
from deepart_assets.outpainting.diffusion.outpainter import DiffusersOutpainter
from deepart_assets.outpainting.inpainting import InpaintingOutpainter, fetch_network
from deepart_assets.outpainting.patchmatch import PatchMatchOutpainter
from deepart_assets.outpainting.scene_completion import SceneCompletionOutpainter
from deepart_assets.outpainting.scene_completion.shipped import shipped_library
from deepart_assets.outpainting.telea import TeleaOutpainter
from deepart_assets.settings.diffusion import Diffusers
from deepart_assets.settings.outpainting import (
    ArtificiallyInspired,
    Inpainting,
    Outpainter,
    PatchMatch,
    SceneCompletion,
    Telea,
)
from deepart_assets.settings.stable_diffusion import StableDiffusion
from deepart_assets.storage.downloads import Downloads


def build_outpainter(
    settings: Outpainter,
    downloads: Downloads | None = None,
    weights: Callable[[], Path] | None = None,
    enlarger: Enlarger | None = None,
) -> base.Outpainter:
    """Return the outpainter of some settings; it loads its weights at the first use.

    Args:
        settings: Which outpainter, and how.
        downloads: The download cache for published weights; None for the folders of
            `settings.places`.
        weights: Returns the network's file, for an outpainter whose weights are an asset; None:
            the file is fetched as the settings say.
        enlarger: Enlarges what is painted at a smaller scale; required by `enlarge: network`.
    """
    match settings:
        case Telea():
            return TeleaOutpainter(settings)
        case PatchMatch():
            return PatchMatchOutpainter(settings)
        case StableDiffusion() | Diffusers():
            return DiffusersOutpainter(settings)
        case SceneCompletion():
            return SceneCompletionOutpainter(shipped_library)
        case Inpainting():
            return InpaintingOutpainter(
                settings, weights or (lambda: fetch_network(settings.weights, downloads))
            )
        case ArtificiallyInspired():
            file = weights or (lambda: fetch_weights(settings.weights, downloads))
            return ArtificiallyInspiredOutpainter(settings, file, enlarger)
