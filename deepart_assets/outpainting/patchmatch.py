"""PatchMatch inpainting: fills the surround with patches of the subject."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.reduced import fit, reduce
from deepart_assets.settings.outpainting import PatchMatch


class PatchMatchOutpainter:
    """Repeats the texture of the subject: a baseline without learning."""

    descriptor = Descriptor(
        name="PatchMatch",
        learned=False,
        uses_prompt=False,
        multiple_of=1,
        needs_gpu=False,
        half_precision=False,
        licence="MIT (PyPatchMatch)",
        source="Barnes et al. 2009, PatchMatch: a randomized correspondence algorithm",
    )

    def __init__(self, settings: PatchMatch) -> None:
        self._settings = settings

    def weights_hash(self) -> None:
        """Return None: there are no weights."""

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture at a time."""
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        """Fill the unknown pixels; the prompt has no effect.

        Raises:
            UnavailableError: PyPatchMatch is missing or its library does not load.
        """
        patch_match = load_patchmatch('the outpainter "patchmatch"')
        small, small_known = reduce(request.picture, request.known, self._settings.scale)
        hole = (~small_known).astype(np.uint8) * 255
        patch_match.set_random_seed(request.seed)
        filled = patch_match.inpaint(small, hole, patch_size=self._settings.patch)
        mended = _mend(np.asarray(filled), small_known, self._settings.patch)
        return fit(mended, *request.known.shape)


def load_patchmatch(user: str) -> ModuleType:
    """Return PyPatchMatch's module.

    Args:
        user: What needs it, for the message.

    Raises:
        UnavailableError: It is missing, or its library does not load.
    """
    try:
        from patchmatch import patch_match
    except ImportError as error:
        raise UnavailableError(f'{user} needs PyPatchMatch: pip install -e ".[sample]"') from error
    if not patch_match.patchmatch_available:
        raise UnavailableError(
            "PyPatchMatch's library does not load on this system: choose another outpainter"
        )
    module: ModuleType = patch_match
    return module


def _mend(filled: NDArray[np.uint8], known: NDArray[np.bool_], patch: int) -> NDArray[np.uint8]:
    """Refill the pixels that PatchMatch left black.

    Where a subject is thinner than a patch, the native code finds no source at the coarse levels
    and fades to black. Correct results are averages of known pixels, so none is darker than the
    darkest known one. Darker pixels, and a patch around each, are refilled by Telea's method.
    """
    import cv2

    if known.all():
        return filled
    darkest = filled[known].min(axis=0).astype(np.int16)
    faulty = (filled < darkest - 2).any(axis=2) & ~known
    if not faulty.any():
        return filled
    kernel = np.ones((2 * patch + 1, 2 * patch + 1), np.uint8)
    around = cv2.dilate(faulty.astype(np.uint8), kernel) * (~known).astype(np.uint8)
    return np.asarray(cv2.inpaint(filled, around, patch, cv2.INPAINT_TELEA))
