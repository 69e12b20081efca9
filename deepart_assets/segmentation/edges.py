"""Draws a map of the subject to the edges of the picture, and takes a rim of ground off."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import depth, resize, working_size
from deepart_assets.segmentation.cleanup import reached
from deepart_assets.segmentation.faces import Face
from deepart_assets.segmentation.heads import HEAD
from deepart_assets.segmentation.refinement import box_mean, reduced

REACH = 8
"""Pixels from a window's middle to its border. Over 95 maps of the validation split the IoU rose
from 0.809 to 0.814 with 8, to 0.812 with 4, and to 0.814 with 16, which keeps less."""
SMOOTHNESS = 1e-4
"""Variance of a colour (of [0, 1]) below which a window is taken for flat."""
TEETH = 1.7 / 512
"""Standard deviation of the blur against the teeth of a contour, as a share of the smaller side.
Over 95 masks of the validation split the IoU stays at 0.816 with up to twice as much, and as much
of the subject is kept."""
RIM_SIDE = 800
"""Smaller side at which a rim is looked for, at most, in pixels."""
RIM = 2.5 / 400
"""Nothing deeper in the subject is a rim, as a share of the smaller side."""
NEARBY = 3 / 400
"""Standard deviation of the window in which colours are averaged, as a share of that side."""
APART = 0.15
"""Distance of the two averages (Lab's hundredths) from which on they tell a rim from a subject."""
DECIDED, ROUNDED = 1.5 / 400, 2.5 / 400
"""Standard deviations of the blurs of what colours say, and of the contour where a rim was taken
off, as shares of that side: without them the contour would be bitten into."""


def along_edges(
    map_: NDArray[np.float32], picture: NDArray[np.uint8], faces: Sequence[Face] = ()
) -> NDArray[np.float32]:
    """Draw a map to the picture's edges: the guided filter (He et al. 2013) with colours.

    In each window the map becomes the linear function of the colours that is nearest to it: the sky
    between masts falls, where the masts have another colour. Where all is alike the map is blurred.
    Nothing falls at a head, where dark hair before a dark ground would.

    Args:
        map_: float32 in [0, 1], any size.
        picture: uint8, H×W×3, RGB.
        faces: In the picture's pixels.

    Returns:
        float32 in [0, 1], h×w with a smaller side of at most 400.
    """
    small, factor = reduced(picture)
    colours = small.astype(np.float32) / np.float32(255)
    before = np.clip(resize(map_, *small.shape[:2]), 0, 1)
    colours_mean, map_mean = _mean(colours), _mean(before)
    together = _mean(colours * before[..., None]) - colours_mean * map_mean[..., None]
    spread = _mean(colours[..., None] * colours[..., None, :])
    spread -= colours_mean[..., None] * colours_mean[..., None, :]
    spread += SMOOTHNESS * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, together[..., None])[..., 0]
    offset = map_mean - (slope * colours_mean).sum(axis=-1)
    after = np.clip((_mean(slope) * colours).sum(axis=-1) + _mean(offset), 0, 1)
    for face in faces:
        head = face.moved(factor).ellipse(before.shape, **HEAD)
        after[head] = np.maximum(after, before)[head]
    return np.asarray(after, dtype=np.float32)


def without_teeth(soft: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth the contour of a soft mask, which follows brushwork and cracks, too.

    Args:
        soft: float32, H×W, in [0, 1].

    Returns:
        float32, H×W, in [0, 1].
    """
    import cv2

    return np.clip(cv2.GaussianBlur(soft, (0, 0), TEETH * min(soft.shape)), 0, 1)


def without_rim(
    soft: NDArray[np.float32], picture: NDArray[np.uint8], faces: Sequence[Face] = ()
) -> NDArray[np.float32]:
    """Take ground off that a mask keeps along its contour, a pixel or two of sky at a hat.

    A colour near the contour lies somewhere between the average of the subject nearby and that of
    the ground nearby, as in alpha matting (Levin et al. 2008, with the two colours known). Where it
    is nearer to the ground's, it is ground. Nothing is added, and nothing is taken where the two
    are alike, where the colour is neither's, or of a face.

    Args:
        soft: float32, H×W, in [0, 1], 1 = subject.
        picture: uint8, H×W×3, RGB.
        faces: In the picture's pixels.

    Returns:
        float32, H×W, in [0, 1]; `soft` itself where there is no rim.
    """
    import cv2

    size = working_size(soft.shape[0], soft.shape[1], RIM_SIDE)
    side = min(size)
    small, before = resize(picture, *size), resize(soft, *size)
    subject = before >= 0.5
    rim = _rim(small, subject)
    of_faces = np.zeros(size, dtype=bool)
    for face in faces:
        of_faces |= face.moved(side / min(soft.shape)).ellipse(size)
    rim &= ~of_faces
    if not rim.any():
        return soft
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx((subject & ~rim).astype(np.uint8), cv2.MORPH_OPEN, ellipse)
    beside = cv2.dilate(rim.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    after = np.where(beside & ~of_faces, opened, subject & ~rim).astype(np.uint8)
    changed = cv2.dilate((subject & (after == 0)).astype(np.uint8), np.ones((3, 3), np.uint8))
    smooth = cv2.GaussianBlur(after.astype(np.float32), (0, 0), ROUNDED * side)
    limit = resize(np.where(changed, smooth, np.float32(1)), *soft.shape)
    return np.asarray(np.minimum(soft, np.clip(limit, 0, 1)))


def _rim(picture: NDArray[np.uint8], subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what of a subject is ground along its contour: bool, H×W."""
    import cv2

    if not subject.any() or subject.all():
        return np.zeros_like(subject)
    side = min(subject.shape)
    deep, away = depth(subject), depth(~subject)
    colours = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB) / 100
    colours = cv2.GaussianBlur(colours, (0, 0), side / 800)
    inner, inner_share = _average(colours, deep > RIM * side)
    outer, outer_share = _average(colours, (away > RIM * side * 0.4) & (away < RIM * side * 5))
    between = inner - outer
    squared = np.maximum((between**2).sum(axis=-1), 1e-6)
    alpha = ((colours - outer) * between).sum(axis=-1) / squared
    expected = outer + np.clip(alpha, 0, 1)[..., None] * between
    strange = ((colours - expected) ** 2).sum(axis=-1) > 0.36 * squared
    known = (np.minimum(inner_share, outer_share) > 0.01) & (squared > APART**2)
    near = (subject & (deep <= RIM * side) & known & ~strange).astype(np.float32)
    nearer = cv2.GaussianBlur(near * (0.5 - np.clip(alpha, 0, 1)), (0, 0), DECIDED * side)
    rim = (near > 0) & (nearer > 0)
    return reached(rim, ~subject)


def _average(
    colours: NDArray[np.float32], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the average of the colours nearby that count, H×W×3, and the share that counts."""
    import cv2

    weight = where.astype(np.float32)
    spread = NEARBY * min(where.shape)
    share = cv2.GaussianBlur(weight, (0, 0), spread)
    total = cv2.GaussianBlur(colours * weight[..., None], (0, 0), spread)
    return total / np.maximum(share, 1e-4)[..., None], np.asarray(share)


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over the window about each place, of any number of values a place."""
    channels = values.reshape(*values.shape[:2], -1)
    return box_mean(channels, 2 * REACH + 1).reshape(values.shape)
