"""Draws a map of the subject to the edges of the picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
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


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over the window about each place, of any number of values a place."""
    channels = values.reshape(*values.shape[:2], -1)
    return box_mean(channels, 2 * REACH + 1).reshape(values.shape)
