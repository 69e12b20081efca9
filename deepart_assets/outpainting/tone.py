"""Brings the colours of a generated surround near those that suit the subject."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""L*, a* and b*."""

GROUND_MEAN = (34.6, 1.3, 9.5)
"""Mean L, a and b around the subjects of 324 paintings, whose masks were accepted by eye."""
GROUND_SPREAD = (0.79, 0.71, 0.89)
"""Their standard deviation around the subject over that of the subject."""
OWN = (0.5, 0.25, 0.25)
"""Weights of the subject's own mean beside `GROUND_MEAN`. In those paintings the one says next to
nothing of the other (R² < 0.05): the weights are for the harmony, not a prediction."""
SHIFTS = ((-12, 8), (-6, 6), (-8, 8))
"""Bounds of the shift of L, a and b."""
GAINS = (0.7, 1.4)
"""Bounds of the factor of a deviation."""
SOFTENING = 3
"""Added to both deviations: a flat surround does not become noise."""


def follow_tone(
    generated: NDArray[np.uint8],
    picture: NDArray[np.uint8],
    known: NDArray[np.bool_],
    strength: float,
    ground: Colour | None = None,
) -> NDArray[np.uint8]:
    """Shift and spread a surround's colours towards those that suit the subject, in CIELAB.

    One gain and one shift for each of L, a and b, both bounded, so that no line appears that was
    not there.

    Args:
        generated: uint8, H×W×3, RGB.
        picture: uint8, H×W×3; the subject.
        known: bool, H×W, True = subject.
        strength: Share of the difference that is corrected, in [0, 1]; 0: none.
        ground: The mean that suits the subject; None: near that of most grounds.

    Returns:
        uint8, H×W×3; `generated` where `known`.
    """
    if not strength or known.all():
        return generated
    subject = lab_of(picture[known][None])[0]
    # Converted as a whole: the surround's colours have a place each.
    surround = lab_of(generated)[~known]
    own = np.array(OWN)
    usual = own * subject.mean(0) + (1 - own) * GROUND_MEAN
    wanted = usual if ground is None else np.array(ground)
    spread = subject.std(0) * GROUND_SPREAD
    mean = surround.mean(0)
    gain, shift = colour_map(
        np.stack([wanted, spread]), np.stack([mean, surround.std(0)]), strength
    )
    matched = (surround - mean) * gain + mean + shift
    result = generated.copy()
    result[~known] = np.round(rgb_of(matched[None])[0]).astype(np.uint8)
    return result


def colour_map(
    wanted: NDArray[Any], given: NDArray[Any], strength: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return gain and shift of L*a*b*, 3 each and both bounded, that bring colours near others.

    Args:
        wanted: 2×3: the mean and deviation that they should have.
        given: 2×3: those that they have.
        strength: Share of the difference that is corrected, in [0, 1].
    """
    gain = np.clip((wanted[1] + SOFTENING) / (given[1] + SOFTENING), *GAINS) ** strength
    lowest, highest = np.array(SHIFTS).T
    return gain, np.clip(strength * (wanted[0] - given[0]), lowest, highest)


def lab_of(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return CIELAB, float32, H×W×3, of RGB, uint8."""
    import cv2

    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def rgb_of(lab: NDArray[Any]) -> NDArray[np.float32]:
    """Return RGB, float32, H×W×3 in [0, 255], of CIELAB."""
    import cv2

    return np.asarray(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB) * 255).clip(0, 255)
