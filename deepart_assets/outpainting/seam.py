"""Joins the generated surround to the subject, and measures how visible the seam is.

Only generated pixels change.
"""

import numpy as np
from numpy.typing import NDArray

BLEND_WIDTH = 3
"""Width of the band on the generated side in which colours are led to the subject's, in pixels."""
MATCH_WIDTH = 8
"""Subject pixels this near to the seam tell how far the generated colours are off."""
MATCH_REACH = 24
"""Deviation in pixels of the window in which they are averaged; three times as far from the seam
nothing is shifted any more."""


def join(
    generated: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Match the generated colours to the subject's near the seam, then blend it.

    Args:
        generated: uint8, H×W×3. Where it shows the subject too, the difference to the subject tells
            how far its colours are off.
        picture: uint8, H×W×3; the subject.
        known: bool, H×W, True = subject.

    Returns:
        uint8, H×W×3; of meaning only outside of the subject.
    """
    return _lead_to_the_subject(_match_colours(generated, picture, known), picture, known)


def _match_colours(
    generated: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Shift generated colours by the mean error that the generator makes at the subject's rim.

    A generator that draws the subject too (diffusion models decode all of the picture) draws it a
    little off in colour, and its surround by as much. The mean error nearby is taken away, fading
    with the distance to the seam. Where the error has no common direction, because the generator
    did not draw the subject, its mean says nothing: it counts by mean² / (mean² + variance).
    """
    import cv2

    depth = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    rim = (known & (depth <= MATCH_WIDTH)).astype(np.float32)[..., None]
    error = (picture.astype(np.float32) - generated) * rim
    shown = generated.astype(np.float32)
    if not error.any():
        return shown

    def nearby(values: NDArray[np.float32]) -> NDArray[np.float32]:
        blurred = cv2.GaussianBlur(values, (0, 0), MATCH_REACH)
        return np.asarray(blurred.reshape(values.shape))

    weight = np.maximum(nearby(rim), 1e-6)
    mean = nearby(error) / weight
    variance = np.maximum(nearby(error * error) / weight - mean * mean, 0)
    trusted = mean * mean / np.maximum(mean * mean + variance, 1e-6)
    fade = np.clip(1 - away / (3 * MATCH_REACH), 0, 1)[..., None] ** 2
    return shown + mean * trusted * fade


def _lead_to_the_subject(
    generated: NDArray[np.float32], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Mix the nearest subject colours into a narrow band of generated pixels, fading outwards."""
    import cv2

    window = 2 * BLEND_WIDTH + 1
    weight = known.astype(np.float32)
    nearby = cv2.GaussianBlur(weight, (window, window), BLEND_WIDTH / 2)
    colours = cv2.GaussianBlur(
        picture.astype(np.float32) * weight[..., None], (window, window), BLEND_WIDTH / 2
    )
    share = nearby[..., None]
    # At the seam about half of the neighbourhood is subject: doubled, the colours meet there.
    mix = np.clip(share, 0, 0.5)
    mixed = generated * (1 - mix) + colours / np.maximum(share, 1e-6) * mix
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def seam_score(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Return how visible the seam is: the mean step across it against the mean step beside it.

    A step is the absolute difference of two neighbouring pixels' luma; beside is within
    `MATCH_WIDTH` pixels on either side. 1 means that the seam does not stand out, 2 that steps
    across it are twice as large. A subject's outline is an edge in the original as well: compare
    with the original's own score.

    Args:
        unfinished: uint8, H×W×4; alpha 255 = subject.
        result: uint8, H×W×3.
    """
    import cv2

    known = unfinished[..., 3] == 255
    luma = result.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    kernel = np.ones((2 * MATCH_WIDTH + 1,) * 2, np.uint8)
    either = known.astype(np.uint8)
    near = cv2.dilate(either, kernel) != cv2.erode(either, kernel)
    across, beside = [], []
    for axis in (0, 1):
        step = np.abs(np.diff(luma, axis=axis))
        crosses = np.diff(known.astype(np.int8), axis=axis) != 0
        across.append(step[crosses])
        beside.append(step[~crosses & near[: step.shape[0], : step.shape[1]]])
    crossing, around = np.concatenate(across), np.concatenate(beside)
    if not crossing.size or not around.size:
        return 1.0
    # Half a grey level keeps flat pictures from dividing by nothing.
    return float((crossing.mean() + 0.5) / (around.mean() + 0.5))
