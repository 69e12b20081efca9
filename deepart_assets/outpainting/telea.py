"""Telea's fast marching inpainting (OpenCV): spreads the subject's edge colours outwards."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.reduced import fit, reduce
from deepart_assets.settings.outpainting import Telea


class TeleaOutpainter:
    """Paints soft fields of colour: a baseline without texture."""

    descriptor = Descriptor(name="Telea fast marching", learned=False, uses_prompt=False)

    def __init__(self, settings: Telea) -> None:
        self._settings = settings

    def weights_hash(self) -> None:
        """Return None: there are no weights."""

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture at a time."""
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        """Fill the unknown pixels; prompt and seed have no effect."""
        import cv2

        small, small_known = reduce(request.picture, request.known, self._settings.scale)
        hole = (~small_known).astype(np.uint8)
        filled = cv2.inpaint(small, hole, self._settings.radius, cv2.INPAINT_TELEA)
        return fit(filled, *request.known.shape)
