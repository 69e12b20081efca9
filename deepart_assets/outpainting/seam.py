"""Joins the generated surround to the subject, and measures how visible the seam is.

Only generated pixels change.
"""

import numpy as np
from numpy.typing import NDArray

BLEND_WIDTH = 3
"""Width in pixels of the generated band in which colours fade into the subject's."""
MATCH_WIDTH = 8
"""Subject pixels within this distance of the seam measure the error of the generated colours."""
MATCH_REACH = 24
"""Standard deviation in pixels of the window in which the errors are averaged. The correction ends
at three times this distance from the seam."""


def join(
    generated: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Match the generated colours to the subject's near the seam, then blend it.

    Args:
        generated: uint8, H×W×3. If it shows the subject too, its difference to the subject
            measures the error of its colours.
        picture: uint8, H×W×3; the subject.
        known: bool, H×W, True = subject.

    Returns:
        uint8, H×W×3; only the pixels outside the subject are meaningful.
    """
    return _lead_to_the_subject(_match_colours(generated, picture, known), picture, known)


def _match_colours(
    generated: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Correct the generated colours by the generator's mean error at the edge of the subject.

    A generator that draws the subject too (diffusion models decode the whole picture) draws it in
    slightly wrong colours, and the surround with the same error. The mean error nearby is
    subtracted, fading with the distance to the seam. If the generator did not draw the subject, the
    errors have no common direction and their mean is meaningless: it is weighted by
    mean² / (mean² + variance).
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
    """Blend the nearest subject colours into a narrow band of generated pixels."""
    import cv2

    window = 2 * BLEND_WIDTH + 1
    weight = known.astype(np.float32)
    nearby = cv2.GaussianBlur(weight, (window, window), BLEND_WIDTH / 2)
    colours = cv2.GaussianBlur(
        picture.astype(np.float32) * weight[..., None], (window, window), BLEND_WIDTH / 2
    )
    share = nearby[..., None]
    # At the seam about half of the neighbourhood is subject, which gives equal weights.
    mix = np.clip(share, 0, 0.5)
    mixed = generated * (1 - mix) + colours / np.maximum(share, 1e-6) * mix
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def seam_score(unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> float:
    """Return how visible the seam is: the mean step across it over the mean step beside it.

    A step is the absolute difference in luma of two neighbouring pixels; "beside" means within
    `MATCH_WIDTH` pixels on either side. 1 means that the seam does not stand out, 2 that steps
    across it are twice as large. The outline of a subject is an edge in the original as well:
    compare with the score of the original.

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
    # Half a grey level avoids a division by zero in flat pictures.
    return float((crossing.mean() + 0.5) / (around.mean() + 0.5))
