"""Which outpainter belongs to which settings.

Belongs here: one line an outpainter. Does not belong here: anything that takes time.
"""

from deepart_assets.outpainting import base
from deepart_assets.outpainting.artificially_inspired import ArtificiallyInspiredOutpainter
from deepart_assets.outpainting.patchmatch import PatchMatchOutpainter
from deepart_assets.outpainting.stable_diffusion import StableDiffusionOutpainter
from deepart_assets.outpainting.telea import TeleaOutpainter
from deepart_assets.settings.restoration import (
    ArtificiallyInspired,
    Outpainter,
    PatchMatch,
    StableDiffusion,
    Telea,
)
from deepart_assets.storage.downloads import Downloads


def build_outpainter(settings: Outpainter, downloads: Downloads | None = None) -> base.Outpainter:
    """Return the outpainter of these settings; nothing is loaded before its first use.

    Args:
        settings: Which outpainter, and how.
        downloads: Fetches and keeps published weights; None for the folders of
            `settings.places`.
    """
    match settings:
        case Telea():
            return TeleaOutpainter(settings)
        case PatchMatch():
            return PatchMatchOutpainter(settings)
        case StableDiffusion():
            return StableDiffusionOutpainter(settings)
        case ArtificiallyInspired():
            return ArtificiallyInspiredOutpainter(settings, downloads)
