"""How much there is to see in a ground, once it is placed behind a subject."""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.hole import gradient_of
from deepart_assets.outpainting.scene_completion.placement import Placement, Window

PERCENTILE = 97
"""Of the gradient: a small thing on a bare wall counts as much as a large one."""


def seen_structure(
    picture: NDArray[np.uint8],
    ground: Ground,
    placement: Placement,
    mask: NDArray[np.bool_],
) -> float:
    """Return how strong the edges of a ground are beside the subject.

    Args:
        picture: uint8, RGB: the ground's, its smaller side 512, or its own if that is less.
        ground: What is known of it; its hole does not count, as that is filled.
        placement: Where it is laid.
        mask: bool, H×W: the subject, its smaller side 512.

    Returns:
        A percentile of the gradient in L*a*b* per pixel, as `Ground.plain`; 0 if nothing is seen.
    """
    import cv2

    height, width = mask.shape
    window = Window.of(
        ground,
        (height, width),
        scale=placement.scale,
        offset=placement.offset,
        flip=placement.flip,
    )
    edges = cv2.resize(gradient_of(picture), window.size[::-1], interpolation=cv2.INTER_AREA)
    seen = window.cut(edges)[~mask & ~window.hole(ground)]
    return float(np.percentile(seen, PERCENTILE)) if seen.size else 0.0
