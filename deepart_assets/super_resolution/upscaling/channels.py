"""Extends upscalers of RGB to grey pictures and pictures with alpha."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge

Pixels = NDArray[np.uint8]


def enlarge_channels(picture: Pixels, enlarge: Callable[[Pixels], Pixels]) -> Pixels:
    """Enlarge a picture of any kind with what enlarges RGB by 4.

    Alpha goes through MATLAB's bicubic enlargement, which has the same geometry. What colour lies
    under alpha 0 is arbitrary: it is replaced by that of the nearest pixel which shows, so that
    none of it reaches the edge.

    Args:
        picture: uint8, H×W (grey), H×W×3 (RGB) or H×W×4 (RGBA, alpha not multiplied in).
        enlarge: From uint8 H×W×3 to uint8 4H×4W×3.

    Returns:
        uint8, the same kind of picture; grey is the BT.601 luma of what came back.
    """
    import cv2

    if picture.ndim == 2:
        made = enlarge(np.repeat(picture[..., None], 3, axis=2))
        return np.asarray(cv2.cvtColor(made, cv2.COLOR_RGB2GRAY), np.uint8)
    if picture.shape[2] == 3:
        return enlarge(picture)
    alpha = np.repeat(picture[..., 3:], 3, axis=2)
    return np.dstack(
        [
            enlarge(_extended(picture[..., :3], alpha[..., 0])),
            matlab_bicubic_enlarge(alpha)[..., :1],
        ]
    )


def _extended(colours: Pixels, alpha: Pixels) -> Pixels:
    """Give pixels with alpha 0 the colour of the nearest one that shows; all where none does."""
    import cv2

    hidden = alpha == 0
    if hidden.all() or not hidden.any():
        return colours
    _, labels = cv2.distanceTransformWithLabels(
        hidden.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    by_label[labels[~hidden]] = colours[~hidden]
    return np.asarray(by_label[labels])
