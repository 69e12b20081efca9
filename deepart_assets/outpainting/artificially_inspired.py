"""Artificially Inspired: the CoModGAN trained on WikiArt (NTIRE 2022 inpainting, track 1).

Belongs here: for now its description, and saying that the network is not there. Does not belong
here: a stand-in.
"""

from collections.abc import Sequence
from typing import NoReturn

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.settings.restoration import ArtificiallyInspired


class ArtificiallyInspiredOutpainter:
    """Refuses to work until the network is built."""

    descriptor = Descriptor(
        name="Artificially Inspired (CoModGAN 512)",
        learned=True,
        uses_prompt=False,
        multiple_of=1,
        needs_gpu=True,
        half_precision=False,
        licence="NVIDIA Source Code License-NC for the StyleGAN2 parts of the published code",
        source="Zhao et al. 2021, arXiv 2103.10428; affromero/NTIRE22_Inpainting",
    )

    def __init__(self, settings: ArtificiallyInspired) -> None:
        self._settings = settings

    def weights_hash(self) -> NoReturn:
        """Say at once, before any painting is touched, that this cannot work yet."""
        raise UnavailableError(
            'the outpainter "artificially_inspired" needs the CoModGAN network, which this version'
            f" does not have (its weights would be Google Drive's archive"
            f" {self._settings.archive_id}): remove it from outpainters in the profile, or use"
            " stable_diffusion, patchmatch or telea"
        )

    def __call__(self, requests: Sequence[Request]) -> NoReturn:
        """Raise as `weights_hash` does."""
        self.weights_hash()
