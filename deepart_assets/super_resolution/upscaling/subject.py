"""Takes the subject and the support of an enlarged painting from the original, not the outpainting.

Where the original is the smaller one, the ×4 network enlarges it (`assets.subject_cache`).
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.imaging.borders import Box

FEATHER = 8
"""Width of the band outside of the subject in which colours are led to the subject's, in pixels of
the enlarged picture: two of the working copy's."""

MARGIN = 3
"""Pixels of the original around its subject that reach into the subject at another size: the mask
is smoothed, and pixels on its edge are averages."""

SMOOTHING = 0.6
"""Blur of a mask that is enlarged, in its own pixels: its steps become a line."""

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

    These are its surround and what `keep_subject` compares with the subject, inside of its edge.

    Args:
        subject: bool, 4H×4W, as `enlarged_subject` returns it.

    Returns:
        bool, H×W.
    """
    import cv2

    reach = 2 * FEATHER + 3
    needed = cv2.dilate((~subject).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    height, width = subject.shape
    return np.asarray(needed.reshape(height // 4, 4, width // 4, 4).any(axis=(1, 3)))


def consistency_error(
    result: NDArray[np.uint8], original: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> float:
    """Return by how much the subject, reduced to the original's size again, differs from it.

    Root mean square in grey levels, inside of the subject eroded by two pixels: the network's
    error. Arguments as `keep_subject`'s, with an original smaller than the result.
    """
    import cv2

    inside = cv2.erode((mask > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inside.any():
        return 0.0
    again = resize(result, *original.shape[:2])[inside].astype(np.float32)
    return float(np.sqrt(np.mean((again - original[inside]) ** 2)))


def keep_subject(
    enlarged: NDArray[np.uint8],
    original: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    wanted: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Lay the subject of the original into the enlarged picture.

    Inside of the subject the result is `wanted`, and nothing else. Outside of it the
    enlarged picture stays but for a band of `FEATHER` pixels: there it is shifted by what the two
    differ by inside of the edge nearby, fading outwards, so that no step of colour remains. What
    the original shows outside of its subject is used nowhere.

    Args:
        enlarged: uint8, H×W×3, of the same field of view.
        original: uint8, h×w×3, any size.
        mask: uint8, h×w, above 0 = subject.
        wanted: The original at the size of the enlarged picture, right in its subject at least;
            None: resized.

    Returns:
        uint8, H×W×3, a new array.
    """
    size = enlarged.shape[:2]
    wanted = resize(original, *size) if wanted is None else wanted
    subject = enlarged_subject(mask, size)
    result = enlarged.copy()
    result[subject] = wanted[subject]
    reach = 2 * FEATHER
    height, width = size
    for top, left in product(range(0, height, _BLOCK), range(0, width, _BLOCK)):
        rows = slice(max(0, top - reach), min(height, top + _BLOCK + reach))
        columns = slice(max(0, left - reach), min(width, left + _BLOCK + reach))
        within = subject[rows, columns]
        if within.any() and not within.all():
            band = _led_to_the_subject(enlarged[rows, columns], wanted[rows, columns], within)
            here = slice(top, top + _BLOCK), slice(left, left + _BLOCK)
            outside = ~subject[here]
            down, across = top - rows.start, left - columns.start
            inner = band[down : down + outside.shape[0], across : across + outside.shape[1]]
            result[here][outside] = inner[outside]
    return result


def kept_difference(
    result: NDArray[np.uint8],
    original: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    wanted: NDArray[np.uint8] | None = None,
) -> int:
    """Return the largest difference to `wanted`, in grey levels; it must be 0.

    It is taken inside of the subject eroded by one pixel. Arguments as `keep_subject`'s.
    """
    import cv2

    size = result.shape[:2]
    inside = cv2.erode(enlarged_subject(mask, size).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    wanted = resize(original, *size) if wanted is None else wanted
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
    """Return the subject at another size, bool: half covered or more, as in the working copy.

    An enlarged mask is smoothed by `SMOOTHING` of its own pixels.
    """
    import cv2

    covered = resize((mask > 0).astype(np.float32), *size)
    times = size[0] / mask.shape[0]
    if times > 1:
        covered = cv2.GaussianBlur(covered, (0, 0), SMOOTHING * times)
    return np.asarray(covered >= 0.5)


def _led_to_the_subject(
    enlarged: NDArray[np.uint8], wanted: NDArray[np.uint8], subject: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Shift colours beside the subject by the mean difference inside of it, fading outwards."""
    import cv2

    window = (2 * FEATHER + 1, 2 * FEATHER + 1)
    weight = subject.astype(np.float32)
    differs = (wanted.astype(np.float32) - enlarged) * weight[..., None]
    nearby = cv2.GaussianBlur(weight, window, FEATHER / 2)
    shift = cv2.GaussianBlur(differs, window, FEATHER / 2)
    shift /= np.maximum(nearby, 1e-6)[..., None]
    distance = cv2.distanceTransform((~subject).astype(np.uint8), cv2.DIST_L2, 5)
    fade = np.clip(1 - distance / (FEATHER + 1), 0, 1)
    # Beyond the window nothing is near; its weight there is 0 as well.
    return np.round(np.clip(enlarged + shift * fade[..., None], 0, 255)).astype(np.uint8)
