"""Which outpainter belongs to which settings.

Belongs here: one line an outpainter. Does not belong here: anything that takes time.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import base
from deepart_assets.outpainting.artificially_inspired import (
    ArtificiallyInspiredOutpainter,
    Enlarger,
)
from deepart_assets.outpainting.comodgan.sources import fetch_weights
from deepart_assets.outpainting.patchmatch import PatchMatchOutpainter
from deepart_assets.outpainting.stable_diffusion import StableDiffusionOutpainter
from deepart_assets.outpainting.telea import TeleaOutpainter
from deepart_assets.settings.generator_training import GeneratorTraining
from deepart_assets.settings.outpainting import (
    ArtificiallyInspired,
    GeneratorWeights,
    Outpainter,
    PatchMatch,
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
    """Return the outpainter of these settings; nothing is loaded before its first use.

    Args:
        settings: Which outpainter, and how.
        downloads: Fetches and keeps published weights; None for the folders of
            `settings.places`.
        weights: Returns the file of the generator, for those whose weights are an asset; None:
            that of the settings.
        enlarger: Enlarges what was painted at a smaller scale, for those that ask for it.
    """
    match settings:
        case Telea():
            return TeleaOutpainter(settings)
        case PatchMatch():
            return PatchMatchOutpainter(settings)
        case StableDiffusion():
            return StableDiffusionOutpainter(settings)
        case ArtificiallyInspired():
            file = weights or partial(_published, settings.weights, downloads)
            return ArtificiallyInspiredOutpainter(settings, file, enlarger)


def _published(weights: GeneratorWeights, downloads: Downloads | None) -> Path:
    if isinstance(weights, GeneratorTraining):
        raise UnavailableError("a generator has to be trained first: give its file")
    return fetch_weights(weights, downloads)
