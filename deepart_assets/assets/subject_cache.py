"""Enlarged subjects, kept in the cache folder: the results of all outpainters have the same one."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.settings.places import cache_folder
from deepart_assets.storage import Lake, sha256_of_json
from deepart_assets.super_resolution.upscaling.subject import is_reduced, original_at
from deepart_assets.super_resolution.upscaling.upscaler import Upscaler

MOST = 200
"""Pictures kept; the oldest go first. One has some 5 MB."""

Pixels = NDArray[np.uint8]


def subject_at_size(
    original: Pixels,
    mask: Pixels,
    size: tuple[int, int],
    upscaler: Callable[[], Upscaler],
    key: Mapping[str, Any],
) -> Pixels:
    """Return the original at the size of the result, as `original_at`, from the cache if there.

    Args:
        original: uint8, h×w×3.
        mask: uint8, h×w.
        size: Of the result.
        upscaler: Loads the network.
        key: All that the picture depends on, beside the sizes.
    """
    if is_reduced(original, size):
        return original_at(original, mask, size, lambda picture: picture)
    folder = cache_folder() / "enlarged_subjects"
    kept = Lake(folder)
    name = f"{sha256_of_json({**key, 'sizes': [*original.shape[:2], *size]})}.png"
    if kept.exists(name):
        with contextlib.suppress(PaintingError, FileNotFoundError):  # damaged, or just removed
            return decode_rgb(kept.read(name), name)
    made = original_at(original, mask, size, upscaler())
    kept.write(name, encode_png(made))
    _remove_oldest(folder)
    return made


def _remove_oldest(folder: Path) -> None:
    found = []
    for file in folder.glob("*.png"):
        with contextlib.suppress(FileNotFoundError):  # another process removes the oldest, too
            found.append((file.stat().st_mtime, file))
    for _, file in sorted(found)[:-MOST]:
        file.unlink(missing_ok=True)
