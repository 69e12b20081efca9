"""PatchMatch inpainting: fills the surround with patches of the subject's plain parts."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.plain_parts import plain_parts
from deepart_assets.outpainting.reduced import fit, reduce
from deepart_assets.settings.outpainting import PatchMatch


class _SeedLock:
    """Lets threads fill with one seed at a time: the native code keeps one for all of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seed, self._inside = 0, 0

    @contextlib.contextmanager
    def of(self, patch_match: ModuleType, seed: int) -> Iterator[None]:
        """Wait until no other seed is at work, and set this one."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._seed == seed)
            patch_match.set_random_seed(seed)
            self._seed = seed
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()


_seed_lock = _SeedLock()


class PatchMatchOutpainter:
    """Continues the subject's plain parts, such as cloth: a baseline without learning.

    With the setting `sources: subject` all of it is copied, heads and hands too.
    """

    descriptor = Descriptor(name="PatchMatch", learned=False, uses_prompt=False)

    def __init__(self, settings: PatchMatch) -> None:
        self._settings = settings

    def weights_hash(self) -> None:
        """Return None: there are no weights."""

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture at a time."""
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        """Fill all but what is copied, and lay the subject on it; the prompt has no effect.

        Raises:
            UnavailableError: PyPatchMatch is missing or its library does not load.
        """
        patch_match = load_patchmatch('the outpainter "patchmatch"')
        small, known = reduce(request.picture, request.known, self._settings.scale)
        sources = plain_parts(small, known) if self._settings.sources == "plain" else known
        patch = self._settings.patch
        filled = fill(patch_match, small, ~sources, patch=patch, seed=request.seed)
        mended = _mend(filled, sources, patch)
        mended[known] = small[known]
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
        raise UnavailableError(
            f"{user} needs PyPatchMatch: pip install 'deepart_assets[sample]'"
        ) from error
    if not patch_match.patchmatch_available:
        raise UnavailableError(
            "PyPatchMatch's library does not load on this system: choose another outpainter"
        )
    module: ModuleType = patch_match
    return module


def fill(
    patch_match: ModuleType,
    picture: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    hidden: NDArray[np.bool_] | None = None,
    patch: int,
    seed: int,
) -> NDArray[np.uint8]:
    """Fill a hole with patches of the picture: the same in whichever thread.

    Args:
        patch_match: From `load_patchmatch`.
        picture: uint8, H×W×3.
        hole: bool, H×W.
        hidden: bool, H×W: neither filled nor copied from.
        patch: Radius of a patch, pixels: 5 for 11×11.
        seed: Of the random search.

    Returns:
        uint8, H×W×3.
    """
    aside = {} if hidden is None else {"global_mask": hidden.astype(np.uint8) * 255}
    with _seed_lock.of(patch_match, seed):
        filled = patch_match.inpaint(
            picture, hole.astype(np.uint8) * 255, patch_size=patch, **aside
        )
    return np.asarray(filled)


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
