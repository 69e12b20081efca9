"""Common to all outpainters: requests, seeds, and results that keep the subject unchanged."""

import hashlib
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting.base import Descriptor, Outpainter, Request
from deepart_assets.outpainting.ground_tone import GroundTone
from deepart_assets.outpainting.seam import join

MOSTLY = 0.98
"""Share of black pixels that is taken for a failure; a painted night is never so uniform."""
SEVERAL = 64
"""Fewer pixels than this may be of one colour by chance."""


def request_for(
    unfinished: NDArray[np.uint8],
    *,
    prompt: str = "",
    negative_prompt: str = "",
    seed: int = 0,
    labels: Mapping[str, str] | None = None,
    reference: NDArray[np.uint8] | None = None,
    ground: GroundTone | None = None,
) -> Request | None:
    """Return the request for an unfinished painting; None if nothing is missing.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject, 0 = to generate.
        prompt: See `Request`.
        negative_prompt: See `Request`.
        seed: See `Request`.
        labels: See `Request`.
        reference: See `Request`.
        ground: See `Request`.

    Raises:
        PaintingError: There is nothing to keep.
    """
    known = unfinished[..., 3] == 255
    if not known.any():
        raise PaintingError("the unfinished painting has no subject to paint around")
    if known.all():
        return None
    # New arrays: an outpainter that writes into its input must not change the subject.
    picture = np.where(known[..., None], unfinished[..., :3], 0).astype(np.uint8)
    return Request(picture, known, prompt, negative_prompt, seed, labels or {}, reference, ground)


def composed(
    generated: NDArray[np.uint8], unfinished: NDArray[np.uint8], by: Descriptor
) -> NDArray[np.uint8]:
    """Return the outpainting: the unchanged subject, joined to the generated surround.

    Args:
        generated: The outpainter's result, uint8, H×W×3.
        unfinished: uint8, H×W×4; alpha 255 = subject.
        by: The outpainter that generated it.

    Returns:
        uint8, H×W×3; every subject pixel is byte-identical to `unfinished`.

    Raises:
        PaintingError: The hole is unfilled or of one colour, or the size differs.
    """
    known = unfinished[..., 3] == 255
    picture = np.where(known[..., None], unfinished[..., :3], 0).astype(np.uint8)
    if generated.shape != picture.shape:
        raise PaintingError(
            f"{by.name} gave a picture of {generated.shape[:2]} instead of {picture.shape[:2]}"
        )
    _check_the_surround(generated[~known], by)
    return np.where(known[..., None], picture, join(generated, picture, known))


def outpaint(
    outpainter: Outpainter, unfinished: NDArray[np.uint8], **asked: Any
) -> NDArray[np.uint8]:
    """Generate the surround of one subject: `request_for`, the outpainter, `composed`."""
    request = request_for(unfinished, **asked)
    if request is None:
        return np.ascontiguousarray(unfinished[..., :3])
    [generated] = outpainter([request])
    return composed(generated, unfinished, outpainter.descriptor)


def _check_the_surround(pixels: NDArray[np.uint8], by: Descriptor) -> None:
    """Refuse a hole that was not filled: still black, or all of one colour.

    The colour is only checked for learned outpainters: a classical method may well continue a tiny
    subject in one colour.
    """
    black = float((pixels == 0).all(axis=1).mean())
    if black > MOSTLY:
        remedy = (
            "its weights are broken, or half precision overflows (choose float32)"
            if by.learned
            else "take the result of another outpainter"
        )
        raise PaintingError(
            f"{by.name} left {black:.0%} of what is around the subject black: {remedy}"
        )
    if by.learned and len(pixels) >= SEVERAL and not np.ptp(pixels, axis=0).any():
        raise PaintingError(
            f"{by.name} painted everything around the subject in one colour,"
            f" {pixels[0].tolist()}: its weights are broken"
        )


def subject_difference(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> int:
    """Return the largest difference of a subject pixel, in grey levels (0 to 255); must be 0."""
    known = unfinished[..., 3] == 255
    difference = np.abs(result[known].astype(np.int16) - unfinished[..., :3][known])
    return int(difference.max(initial=0))


def painting_seed(global_seed: int, painting: str, outpainter: str, candidate: int = 0) -> int:
    """Return a seed in [0, 2³¹) that depends only on the arguments, not on batch or order."""
    text = f"{global_seed}\n{painting}\n{outpainter}" + (f"\n{candidate}" if candidate else "")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def prompt_for(template: str, labels: Mapping[str, str]) -> str:
    """Fill in style, artist, title, genre and date.

    A part in square brackets is left out unless everything named in it is known:
    `a painting[ in {style} style][ by {artist}]`.

    Raises:
        PaintingError: The template has an unknown placeholder.
    """
    parts = re.split(r"\[([^\[\]]*)\]", template)
    try:
        # The parts in brackets have odd indices.
        filled = [part.format_map(dict(labels)) for part in parts]
        named = [[name for _, name, _, _ in Formatter().parse(part) if name] for part in parts]
    except (KeyError, ValueError, IndexError) as error:
        raise PaintingError(
            f"restoration.prompt {template!r} cannot be filled in ({error}): use"
            f" {', '.join('{' + name + '}' for name in labels)}"
        ) from error
    kept = [
        text
        for index, (text, names) in enumerate(zip(filled, named, strict=True))
        if index % 2 == 0 or all(labels[name] for name in names)
    ]
    return " ".join("".join(kept).split())
