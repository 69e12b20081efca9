"""Enlarged subjects, kept in the cache folder: all outpainters' results have the same one.

A corrected mask makes the network enlarge only what is new in it.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.imaging import decode_rgb, encode_png, resize
from deepart_assets.settings.places import cache_folder
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.storage import Lake, sha256_of_json
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.upscaling.parts import BORDER, Part, enlarged, fixed_parts
from deepart_assets.super_resolution.upscaling.subject import is_reduced, subject_in_original

_log = logging.getLogger(__name__)

MOST = 100
"""Pictures kept; the oldest go first. One has some 10 MB."""

Pixels = NDArray[np.uint8]
Enlarge = Callable[[Pixels, Sequence[Part]], Pixels]
"""Enlarges parts of a picture by 4; the rest of the result is black."""


def subject_at_size(
    original: Pixels,
    mask: Pixels,
    size: tuple[int, int],
    upscaler: Callable[[], Enlarge],
    *,
    settings: Upscaling,
    key: Mapping[str, Any],
) -> Pixels:
    """Return the original at the size of the result, best where its subject is.

    An original that is larger is resized. Of a smaller one the network enlarges the parts with its
    subject by 4, which are then reduced by area averaging: about 0.9 dB above cubic interpolation.
    Elsewhere the picture is black, or has what an earlier mask took for the subject.

    Args:
        original: uint8, h×w×3.
        mask: uint8, h×w, above 0 = subject.
        size: Height and width of the result, each below 4 times the original's.
        upscaler: Loads the network.
        settings: The network's.
        key: All that the network's result depends on, beside the settings and the sizes.
    """
    if is_reduced(original, size) or not mask.any():
        return resize(original, *size)
    folder = cache_folder() / "enlarged_subjects"
    kept = Lake(folder)
    content = {
        **key,
        "upscaling": settings.provenance(),
        "border": BORDER,
        "size": original.shape[:2],
    }
    name = f"{sha256_of_json(content)}.png"
    height, width = original.shape[:2]
    high = np.zeros((SCALE * height, SCALE * width, 3), np.uint8)
    with contextlib.suppress(PaintingError, OSError):  # not there, or damaged
        high = decode_rgb(kept.read(name), name).copy()
    parts = fixed_parts(subject_in_original(mask), settings.tile, settings.overlap)
    # What is black enlarged is black in the original, or has not been enlarged yet.
    missing = [part for part in parts if original[part].any() and not high[enlarged(part)].any()]
    if missing:
        made = upscaler()(original, missing)
        for part in missing:
            high[enlarged(part)] = made[enlarged(part)]
        try:
            kept.write(name, encode_png(high))
            _remove_oldest(folder)
        except (UnavailableError, OSError) as error:  # the painting needs it no more
            _log.warning("an enlarged subject is not kept: %s", error)
    return resize(high, *size)


def _remove_oldest(folder: Path) -> None:
    found = []
    for file in folder.glob("*.png"):
        with contextlib.suppress(FileNotFoundError):  # another process removes the oldest, too
            found.append((file.stat().st_mtime, file))
    for _, file in sorted(found)[:-MOST]:
        file.unlink(missing_ok=True)
