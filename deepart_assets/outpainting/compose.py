"""The common ground of all outpainters: the subject stays, the seam is blended, faults are found.

Belongs here: what is true of every outpainting whatever made it, and how it is measured. Does not
belong here: any method of generating.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting.base import Outpainter

SEAM_WIDTH = 3
"""Width of the band on the generated side in which colours are led to the subject's, in pixels."""


def outpaint(
    outpainter: Outpainter,
    unfinished: NDArray[np.uint8],
    *,
    prompt: str = "",
    negative_prompt: str = "",
    seed: int = 0,
) -> NDArray[np.uint8]:
    """Generate the surround of a subject.

    Args:
        outpainter: What generates.
        unfinished: uint8, H×W×4; alpha 255 = subject, 0 = to be generated.
        prompt: See `Outpainter`.
        negative_prompt: See `Outpainter`.
        seed: See `Outpainter`.

    Returns:
        uint8, H×W×3; every subject pixel is byte-identical to `unfinished`.

    Raises:
        PaintingError: There is nothing to keep, or the outpainter left the hole black or gave a
            picture of another size.
    """
    known = unfinished[..., 3] == 255
    picture = np.where(known[..., None], unfinished[..., :3], 0).astype(np.uint8)
    if not known.any():
        raise PaintingError("the unfinished painting has no subject to paint around")
    if known.all():
        return picture
    # Copies: an outpainter that writes into what it is given must not reach the subject.
    generated = outpainter(
        picture.copy(), known.copy(), prompt=prompt, negative_prompt=negative_prompt, seed=seed
    )
    if generated.shape != picture.shape:
        raise PaintingError(
            f"{outpainter.descriptor.name} gave a picture of {generated.shape[:2]} instead of"
            f" {picture.shape[:2]}"
        )
    if not generated[~known].any():
        raise PaintingError(
            f"{outpainter.descriptor.name} left everything around the subject black: its weights"
            " are broken, or half precision overflows (set half_precision to false)"
        )
    blended = _lead_to_the_subject(generated, picture, known)
    return np.where(known[..., None], picture, blended)


def _lead_to_the_subject(
    generated: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Mix the nearest subject colours into a narrow band of generated pixels, fading outwards."""
    import cv2

    window = 2 * SEAM_WIDTH + 1
    weight = known.astype(np.float32)
    nearby = cv2.GaussianBlur(weight, (window, window), SEAM_WIDTH / 2)
    colours = cv2.GaussianBlur(
        picture.astype(np.float32) * weight[..., None], (window, window), SEAM_WIDTH / 2
    )
    share = nearby[..., None]
    # At the seam about half of the neighbourhood is subject: doubled, the colours meet there.
    mix = np.clip(share, 0, 0.5)
    mixed = generated * (1 - mix) + colours / np.maximum(share, 1e-6) * mix
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def subject_difference(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> int:
    """Return the largest difference of a subject pixel, in grey levels of 255; it must be 0."""
    known = unfinished[..., 3] == 255
    difference = np.abs(result[known].astype(np.int16) - unfinished[..., :3][known])
    return int(difference.max(initial=0))


def seam_score(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Return how visible the seam is: the mean step across it against the mean step elsewhere.

    A step is the absolute difference of two neighbouring pixels' luma. 1 means that the seam does
    not stand out, 2 that steps across it are twice as large as those beside it on either side.
    """
    known = unfinished[..., 3] == 255
    luma = result.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    across, inside = [], []
    for axis in (0, 1):
        step = np.abs(np.diff(luma, axis=axis))
        crosses = np.diff(known.astype(np.int8), axis=axis) != 0
        across.append(step[crosses])
        inside.append(step[~crosses])
    crossing, beside = np.concatenate(across), np.concatenate(inside)
    if not crossing.size or not beside.size:
        return 1.0
    # Half a grey level keeps flat pictures from dividing by nothing.
    return float((crossing.mean() + 0.5) / (beside.mean() + 0.5))


def painting_seed(global_seed: int, painting: str, outpainter: str) -> int:
    """Return a seed in [0, 2³¹) that depends on these three alone, not on batch or order."""
    text = f"{global_seed}\n{painting}\n{outpainter}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def prompt_for(template: str, labels: Mapping[str, str]) -> str:
    """Fill in style, artist, title, genre and date; what is not known is left out.

    Raises:
        PaintingError: The template names something else.
    """
    try:
        text = template.format_map(dict(labels))
    except (KeyError, ValueError, IndexError) as error:
        raise PaintingError(
            f"restoration.prompt {template!r} cannot be filled in ({error}): use"
            f" {', '.join('{' + name + '}' for name in labels)}"
        ) from error
    return " ".join(text.split())
