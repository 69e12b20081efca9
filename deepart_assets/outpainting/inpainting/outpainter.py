"""Outpainting with a network that was made to fill holes; `networks` says which ones."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import PaintingError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.inpainting.networks import InpaintingNetwork, read_network
from deepart_assets.outpainting.reduced import fit, reduce
from deepart_assets.settings.outpainting import Inpainting
from deepart_assets.storage import sha256_of_file


class InpaintingOutpainter:
    """LaMa or MI-GAN: continues textures and lines of the subject; nothing in it is random.

    Args:
        settings: Which weights, and at which size they paint.
        file: Returns the network's file; called at the first use.
    """

    descriptor = Descriptor(
        name="Inpainting (LaMa or MI-GAN)",
        learned=True,
        uses_prompt=False,
        stochastic=False,
    )

    def __init__(self, settings: Inpainting, file: Callable[[], Path]) -> None:
        self._settings = settings
        self._find = file

    def weights_hash(self) -> str:
        """Return the SHA-256 of the network's file; fetches it if needed.

        Raises:
            UnavailableError: It is unavailable; the message has the remedy.
        """
        return sha256_of_file(self._file)

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture at a time, as the networks take them.

        Raises:
            UnavailableError: The file holds neither network; the message has the remedy.
            PaintingError: Memory does not hold the picture.
        """
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        small, known = reduce(request.picture, request.known, self._settings.scale)
        try:
            filled = self._network.fill(small, known)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise PaintingError(
                f"memory does not hold the network of {self._file.name} and a picture of"
                f" {known.shape[1]}×{known.shape[0]} pixels: lower this outpainter's scale, or"
                " restoration.working_side"
            ) from error
        return fit(filled, *request.known.shape)

    @cached_property
    def _file(self) -> Path:
        return self._find()

    @cached_property
    def _network(self) -> InpaintingNetwork:
        return read_network(self._file.read_bytes(), str(self._file))
