"""Colours and sharpness of a ground: after the subject's, and after what is told of the old ground.

All functions work on float32, H×W×3, RGB, 0 to 255; `known` is bool, H×W: the subject.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting import tone
from deepart_assets.outpainting.ground_tone import GroundTone, ground_tone
from deepart_assets.outpainting.scene_completion.ground import SIDE

GAINS = (0.8, 0.85, 0.85), (1.1, 1.1, 1.1)
"""Least and greatest factor of the deviation of L*, a* and b*."""
KEYED, POWERS = 0.7, (0.65, 1.35)
"""How much of the difference to the old ground's lightness is taken back where a ground is no wall,
and the bounds of the power of L* that does it."""
HUES = np.array([0, 6, 8], np.float32)
"""By how much a* and b* are moved so at most."""
SHARPER = 1.25
"""The ground's finest detail may be so many times the subject's."""
SIGMAS = (0.0, 0.5, 0.7, 0.9, 1.2)
"""Of the blur that takes too much detail away, in pixels of the picture."""


def colour_map(
    subject: NDArray[np.float32], ground: NDArray[np.float32], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return gain and shift of L*a*b*, 3 each, that bring a ground nearer to a subject.

    Args:
        subject: 2×3: mean and deviation of the subject's L*a*b*.
        ground: 2×3: of the subject that the ground belongs to, or of the ground without one.
        strength: From 0, nothing, to 1.
    """
    gain, shift = tone.colour_map(subject, ground, strength)
    gain = np.clip(gain, *GAINS)  # paint that was chosen needs less than what was generated
    return gain.astype(np.float32), shift.astype(np.float32)


def mapped(
    laid: NDArray[np.uint8], gain: NDArray[np.float32], shift: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Map the colours; highlights above the ground's own 99th percentile are compressed."""
    lab = tone.lab_of(laid)
    mean = lab.reshape(-1, 3).mean(0)
    toned = (lab - mean) * gain + mean + shift
    top = max(float(np.percentile(lab[..., 0], 99)), 60)
    toned[..., 0] -= 0.7 * np.maximum(toned[..., 0] - top, 0)
    toned[..., 0] = toned[..., 0].clip(0, 100)
    return tone.rgb_of(toned)


def lit(
    toned: NDArray[np.float32], told: GroundTone, known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Let light fall on a wall as it fell on the old ground: from one side, or from above."""
    lab = tone.lab_of(np.round(toned).clip(0, 255).astype(np.uint8)) + told.tilt(known.shape)
    lab[..., 0] = lab[..., 0].clip(0, 100)
    return tone.rgb_of(lab)


def keyed(
    toned: NDArray[np.float32], told: GroundTone, known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Bring a scene near the lightness and hue that the old ground had beside the subject.

    Black and white stay: L* is raised to a power.
    """
    picture = np.round(toned).clip(0, 255).astype(np.uint8)
    beside = ground_tone(picture, known)
    if beside is None:
        return toned
    lab = tone.lab_of(picture)
    given, wanted = (np.array(each.around, np.float32) for each in (beside, told))
    from_level, to_level = np.log(np.clip([given[0], wanted[0]], 5, 95) / 100)
    power = np.clip((to_level / from_level) ** KEYED, *POWERS)
    lab[..., 0] = 100 * (lab[..., 0].clip(0, 100) / 100) ** power
    lab += np.clip(KEYED * (wanted - given), -HUES, HUES)
    return tone.rgb_of(lab)


def softened(
    toned: NDArray[np.float32], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Blur as much as is needed for the finest detail to be no more than the subject's."""
    import cv2

    margin = 4 * min(known.shape) / SIDE
    inner = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 3) > margin
    if inner.sum() < 500:
        return toned
    most = SHARPER * _fine(tone.lab_of(picture)[..., 0], inner)
    blurred = toned
    for sigma in SIGMAS:
        blurred = cv2.GaussianBlur(toned, (0, 0), sigma) if sigma else toned
        lightness = tone.lab_of(np.round(blurred).astype(np.uint8))[..., 0]
        if _fine(lightness, ~known) <= most:
            break
    return np.asarray(blurred)


def _fine(lightness: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    import cv2

    detail = lightness - cv2.GaussianBlur(lightness, (0, 0), 1.0)
    return float(np.sqrt(np.mean(detail[where] ** 2)))
