"""How much there is to see in a ground, once it is placed behind a subject."""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.hole import gradient_of
from deepart_assets.outpainting.scene_completion.placement import Placement, Window
from deepart_assets.outpainting.scene_completion.walls import blemishes
from deepart_assets.outpainting.tone import lab_of

PERCENTILE = 99
"""Of the gradient: the corner of a desk on a bare wall counts as much as a large thing."""

BAND = 0.03
"""Height of the bands above and below an edge that are compared, as a share of the picture's."""
NEAR = 0.15, 0.06
"""How far above and below a base the edge of a table may lie, as shares of the height."""
FEW = 0.1
"""A row of which less is seen, as a share of the width, does not count."""


def seen_structure(
    picture: NDArray[np.uint8],
    ground: Ground,
    placement: Placement,
    mask: NDArray[np.bool_],
    *,
    is_wall: bool = False,
    down_to: float = 1.0,
) -> float:
    """Return how strong the edges of a ground are beside the subject.

    Args:
        picture: uint8, RGB: the ground's, its smaller side 512, or its own if that is less.
        ground: What is known of it; its hole does not count, as that is filled.
        placement: Where it is laid.
        mask: bool, H×W: the subject, its smaller side 512.
        is_wall: Whether its `blemishes` will be painted over, and do not count either.
        down_to: Share of the height below which nothing counts.

    Returns:
        A percentile of the gradient in L*a*b* per pixel, as `Ground.plain`; 0 if nothing is seen.
    """
    import cv2

    window, seen = beside(ground, placement, mask)
    seen[round(down_to * len(seen)) :] = False
    gradient = gradient_of(picture)
    edges = cv2.resize(gradient, window.size[::-1], interpolation=cv2.INTER_AREA)
    if is_wall:
        seen &= ~window.cut(blemishes(gradient, ground, window.size))
    found = window.cut(edges)[seen]
    return float(np.percentile(found, PERCENTILE)) if found.size else 0.0


def seen_edge(
    picture: NDArray[np.uint8],
    ground: Ground,
    placement: Placement,
    mask: NDArray[np.bool_],
    base: float,
    *,
    above: float = NEAR[0],
) -> float:
    """Return how strong a level edge, as that of a table, a ground has near a base.

    Args:
        picture: As for `seen_structure`.
        ground: As for `seen_structure`.
        placement: As for `seen_structure`.
        mask: As for `seen_structure`.
        base: The subject's lowest row as a share of the height.
        above: How far above it the edge may be, as a share of the height.

    Returns:
        The largest difference in L*a*b* of the means of two bands, one above the other.
    """
    height, width = mask.shape
    window, seen = beside(ground, placement, mask)
    lab = lab_of(window.cut(resize(picture, *window.size)))
    count = seen.sum(1)
    rows = (lab * seen[..., None]).sum(1) / np.maximum(count, 1)[:, None]
    rows[count < FEW * width] = np.nan
    band = max(2, round(BAND * height))
    first, last = round((base - above) * height), round((base + NEAR[1]) * height)
    steps = [
        float(np.linalg.norm(rows[each : each + band].mean(0) - rows[each - band : each].mean(0)))
        for each in range(max(first, band), min(last, height - band))
    ]
    return float(np.nanmax([0.0, *steps]))


def beside(
    ground: Ground, placement: Placement, mask: NDArray[np.bool_]
) -> tuple[Window, NDArray[np.bool_]]:
    """Return where a ground lies, and where it is seen: beside the subject, outside its hole."""
    window = Window.of(
        ground,
        mask.shape,
        scale=placement.scale,
        offset=placement.offset,
        flip=placement.flip,
    )
    return window, ~mask & ~window.hole(ground)
