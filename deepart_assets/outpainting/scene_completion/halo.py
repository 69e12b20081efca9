"""The rim of a subject: where it is old ground, the new ground comes to meet it.

A mask keeps a few pixels of the old ground here and there, a light or dark line round the figure.
As nothing of the subject may change, the ground beside it is led to the line's tone, like the halo
that painters leave round a figure.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.outpainting import tone

RIM, INSIDE = 2.0, (5.0, 12.0)
"""Depth of a subject's rim, and of the paint inside to which it is compared; in pixels of a picture
whose smaller side is 512, as all widths here."""
FOREIGN = 8.0, 24.0
"""A rim that differs so much from the paint inside, ΔE, begins to be foreign, and wholly is."""
LIGHT, DARK = 0.35, 0.7
"""How far the ground goes to meet a rim that is lighter, and one that is darker: that looks like a
shadow, the other like a glow."""
MOST = 10.0
"""By how much in ΔE it goes at most: beyond that there is smoke about a head before the sky."""
WIDTH = 14.0
"""Distance over which a halo fades to 1/e."""


class Rim(NamedTuple):
    """The colours at a subject's outline, near each pixel."""

    colour: NDArray[np.float32]
    """Of the rim: float32, H×W×3, L*a*b*."""
    paint: NDArray[np.float32]
    """Of the paint inside: the same."""
    foreign: NDArray[np.float32]
    """How foreign the first is to the second: float32, H×W, in [0, 1]."""
    edge: NDArray[np.bool_]
    """Where the rim is: bool, H×W."""


def rim_of(lab: NDArray[np.float32], known: NDArray[np.bool_], unit: float) -> Rim:
    """Return the rim of a subject.

    Args:
        lab: float32, H×W×3, L*a*b*: the subject.
        known: bool, H×W: where it is.
        unit: Pixels that one pixel at a smaller side of 512 is.
    """
    import cv2

    depth = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5)
    inside = (depth > INSIDE[0] * unit) & (depth <= INSIDE[1] * unit)
    edge = (depth > 0) & (depth <= RIM * unit)
    rim = _nearby(lab, edge, 4 * unit)
    paint = _nearby(lab, inside, 10 * unit)
    low, high = FOREIGN
    foreign = np.clip((np.linalg.norm(rim - paint, axis=2) - low) / (high - low), 0, 1)
    soft = np.asarray(cv2.GaussianBlur(foreign, (0, 0), 3 * unit), np.float32)
    return Rim(rim, paint, soft, edge)


def haloed(
    ground: NDArray[np.float32],
    picture: NDArray[np.uint8],
    known: NDArray[np.bool_],
    unit: float,
) -> NDArray[np.float32]:
    """Lead a ground to the tone of the subject's rim where that is foreign to the subject.

    Args:
        ground: float32, H×W×3, RGB, 0 to 255.
        picture: uint8, H×W×3: the subject.
        known: bool, H×W: where it is.
        unit: Pixels that one pixel at a smaller side of 512 is.

    Returns:
        float32, H×W×3; the ground itself where the rim is the subject's own.
    """
    import cv2

    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    rim = rim_of(tone.lab_of(picture), known, unit)
    lab = tone.lab_of(np.round(ground).clip(0, 255).astype(np.uint8))
    off = rim.colour - _nearby(lab, (away > 0) & (away <= INSIDE[1] * unit), 4 * unit)
    most = np.where(off[..., 0] > 0, LIGHT, DARK)
    share = most * rim.foreign * np.exp(-away / (WIDTH * unit)) * ~known
    step = share[..., None] * off
    lab += step * (MOST / np.maximum(np.linalg.norm(step, axis=2, keepdims=True), MOST))
    lab[..., 0] = lab[..., 0].clip(0, 100)
    return np.where(share[..., None] > 0.01, tone.rgb_of(lab), ground)


def _nearby(
    values: NDArray[np.float32], where: NDArray[np.bool_], sigma: float
) -> NDArray[np.float32]:
    """Return the mean of the values that count near each pixel; far from them a wider one."""
    import cv2

    # Wide windows need few pixels: the cost does not grow with the picture.
    step = max(1, round(sigma / 3))
    size = tuple(max(1, round(each / step)) for each in where.shape)
    counted = np.dstack([values, np.ones(where.shape, np.float32)]) * where[..., None]
    small = resize(counted.astype(np.float32), *size)
    found = cv2.GaussianBlur(small, (0, 0), sigma / step)
    found += 1e-3 * cv2.GaussianBlur(small, (0, 0), 4 * sigma / step)
    mean = found[..., :3] / np.maximum(found[..., 3:], 1e-9)
    return np.asarray(resize(mean, *where.shape), np.float32)
