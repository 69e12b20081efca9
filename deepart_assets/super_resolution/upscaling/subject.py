"""Takes the subject and the support of an enlarged painting from the original, not the outpainting.

Where the original is the smaller one, it is enlarged by `back_projection`, or further by the ×4
network (`assets.subject_cache`).
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import depth, resize
from deepart_assets.imaging.borders import Box

EDGE = 10
"""Width of the band inside of the subject's edge in which it fades into the ground, in pixels of
the enlarged picture: two and a half of the working copy's. No painter's edge is as hard as a
mask's."""

RIM = 24
"""Width of the band outside of it in which the ground is continued from farther out, likewise: the
outpainting's own pixels there are led to the subject's colours, and have its edge in them."""

MARGIN = 6
"""Pixels of the original around its subject that reach into the subject at a larger size: the mask
is smoothed there, and pixels on its edge are averages."""

SMOOTHING = 5.0
"""Blur of a subject at another size, in its pixels: a mask's steps become a line."""

_SPREAD = 7.0
"""Blur of the ground that is continued into the edge, in pixels of the enlarged picture."""

_REACH = RIM + round(3 * _SPREAD)
"""What is farther away from a pixel does not matter to it."""

_BLOCK = 512
"""Rows and columns at once: only blocks with an edge of the subject are computed, in float."""


def is_reduced(original: NDArray[np.uint8], size: tuple[int, int]) -> bool:
    """Whether the original has at least as many pixels as a result of this size."""
    return original.shape[0] * original.shape[1] >= size[0] * size[1]


def subject_in_original(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the pixels of the original that its subject at any larger size is made of.

    Args:
        mask: uint8, h×w, above 0 = subject.
    """
    import cv2

    around = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
    return np.asarray(cv2.dilate((mask > 0).astype(np.uint8), around) > 0)


def generated_in(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of an outpainting that matter once the subject is laid into it enlarged.

    Args:
        subject: bool, 4H×4W, as `enlarged_subject` returns it.

    Returns:
        bool, H×W.
    """
    height, width = subject.shape
    return np.asarray((~subject).reshape(height // 4, 4, width // 4, 4).any(axis=(1, 3)))


def consistency_error(
    result: NDArray[np.uint8], original: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> float:
    """Return by how much the subject, reduced to the original's size again, differs from it.

    Root mean square in grey levels, inside of the subject's edge: the network's error.

    Args:
        result: uint8, H×W×3.
        original: uint8, h×w×3, smaller than the result.
        mask: uint8, h×w, above 0 = subject.
    """
    whole = untouched(enlarged_subject(mask, result.shape[:2]))
    inside = resize(whole.astype(np.float32), *original.shape[:2]) > 0.999
    if not inside.any():
        return 0.0
    again = resize(result, *original.shape[:2])[inside].astype(np.float32)
    return float(np.sqrt(np.mean((again - original[inside]) ** 2)))


def keep_subject(
    enlarged: NDArray[np.uint8], wanted: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Lay the subject of the original into the enlarged picture.

    Inside of the subject's edge the result is `wanted`, and nothing else. In a band of `EDGE`
    pixels the subject fades into the ground, which is continued there from outside. What the
    original shows outside of its subject is used nowhere, nor what the enlarged picture shows
    inside.

    Args:
        enlarged: uint8, H×W×3, of the same field of view.
        wanted: The original at this size, right in its subject at least: uint8, H×W×3.
        mask: The original's, uint8, h×w, any size, above 0 = subject.

    Returns:
        uint8, H×W×3, a new array.
    """
    size = enlarged.shape[:2]
    subject = enlarged_subject(mask, size)
    result = enlarged.copy()
    result[subject] = wanted[subject]
    height, width = size
    for top, left in product(range(0, height, _BLOCK), range(0, width, _BLOCK)):
        rows = slice(max(0, top - _REACH), min(height, top + _BLOCK + _REACH))
        columns = slice(max(0, left - _REACH), min(width, left + _BLOCK + _REACH))
        within = subject[rows, columns]
        if within.any() and not within.all():
            joined = _joined(enlarged[rows, columns], wanted[rows, columns], within)
            here = result[top : top + _BLOCK, left : left + _BLOCK]
            down, across = top - rows.start, left - columns.start
            here[:] = joined[down : down + here.shape[0], across : across + here.shape[1]]
    return result


def kept_difference(
    result: NDArray[np.uint8], wanted: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> int:
    """Return the largest difference to `wanted`, in grey levels; it must be 0.

    It is taken where the subject is `untouched`. Arguments as `keep_subject`'s.
    """
    inside = untouched(enlarged_subject(mask, result.shape[:2]))
    return int(np.abs(result[inside].astype(np.int16) - wanted[inside]).max(initial=0))


def put_back(
    enlarged: NDArray[np.uint8], original: NDArray[np.uint8], box: Box, painted: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], Box]:
    """Lay an enlarged painting into its enlarged support.

    Args:
        enlarged: The painting, uint8, H×W×3, both sides multiples of 4.
        original: The picture of it with its support: uint8, h×w×3, any size.
        box: Where the painting is in the original.
        painted: bool, H×W: the shape of the painting; outside of it the support is shown.

    Returns:
        The original resized, uint8, both sides multiples of 4, with the painting in its place, and
        where that is.
    """
    height, width = enlarged.shape[:2]
    down, across = height / box.size[0], width / box.size[1]
    size = 4 * round(original.shape[0] * down / 4), 4 * round(original.shape[1] * across / 4)
    size = max(size[0], height), max(size[1], width)
    top = min(round(box.top * down), size[0] - height)
    left = min(round(box.left * across), size[1] - width)
    result, at = resize(original, *size).copy(), Box(left, top, left + width, top + height)
    at.of(result)[painted] = enlarged[painted]
    return result, at


def enlarged_subject(mask: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the subject at another size, smoothed: bool, H×W, half covered or more."""
    import cv2

    covered = resize((mask > 0).astype(np.float32), *size)
    return np.asarray(cv2.GaussianBlur(covered, (0, 0), SMOOTHING) >= 0.5)


def untouched(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what of an enlarged subject is inside of the edge in which it fades: bool, H×W."""
    return depth(subject) >= EDGE


def _joined(
    enlarged: NDArray[np.uint8], wanted: NDArray[np.uint8], subject: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Fade the subject into the ground, which is continued into its edge."""
    import cv2

    outside = depth(~subject)
    ground = enlarged.astype(np.float32)
    # The farther out, the more a pixel counts; in a gap those that are farthest out.
    weight = np.square(np.square(np.minimum(outside, RIM) / RIM))
    continued = _blurred(ground * weight[..., None])
    continued /= np.maximum(_blurred(weight), 1e-12)[..., None]
    share = _smooth(1.5 * (1 - outside / RIM))[..., None]
    ground = ground * (1 - share) + continued * share
    inside = depth(subject)
    # What is thinner than two bands, such as a ship's ropes, is whole along its middle.
    nearby = cv2.dilate(inside, np.ones((EDGE + 1, EDGE + 1), np.uint8))
    share = _smooth(inside / np.clip(nearby, 1, EDGE))[..., None]
    return np.round(ground * (1 - share) + wanted * share).astype(np.uint8)


def _blurred(values: NDArray) -> NDArray[np.float32]:
    import cv2

    side = 2 * (_REACH - RIM) + 1
    blurred = cv2.GaussianBlur(values, (side, side), _SPREAD, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred)


def _smooth(values: NDArray) -> NDArray[np.float32]:
    """Rise from 0 to 1 where the values do, with no kink at either end."""
    between = np.clip(values, 0, 1)
    return np.asarray(between * between * (3 - 2 * between))
