"""Finds what a painting is photographed with: a margin, a wall, a frame, an oval, an arch.

The detector is made not to crop paint: what is not clearly visible on all sides is left in.
"""

import math

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import fit_within, resize
from deepart_assets.imaging.borders import Box, content_box, whole
from deepart_assets.segmentation.support import Support, within
from deepart_assets.segmentation.support_curve import find_curves, innermost_oval
from deepart_assets.segmentation.support_frame import SMALLEST, find_frame

MARGINS_SIDE = 1024
"""Longer side of the copy in which flat margins are looked for."""
SIDE = 512
"""Longer side of the copy in which frames and curves are looked for."""
NARROWEST = 48
"""Smaller side of that copy below which nothing is looked for."""
THINNEST = 0.01
"""Share of the picture's width or height that a support has on one side at least."""


def find_support(picture: NDArray[np.uint8]) -> Support | None:
    """Find the support in a picture of a painting; None if there is nothing but the painting.

    Flat margins are taken off first, then a frame (with the wall it hangs on), then the flat
    corners of an arch or an oval.

    Args:
        picture: RGB uint8, H×W×3.
    """
    height, width = picture.shape[:2]
    if min(fit_within(height, width, SIDE)) < NARROWEST:
        return None
    medium = resize(picture, *fit_within(height, width, MARGINS_SIDE))
    margins = _flat_margins(medium)
    inner = margins.of(medium)
    small = resize(inner, *fit_within(inner.shape[0], inner.shape[1], SIDE))
    frame = find_frame(small)
    region = frame.of(small)
    found = find_curves(region) or innermost_oval(region, whole(region))
    box = margins
    if found is not None or frame != whole(small):
        part = found.box if found else whole(region)
        box = within(frame, part, frame)
        box = within(margins, box, whole(small))
    box = within(whole(picture), box, whole(medium))
    small_part = math.prod(box.size) < SMALLEST * height * width
    thin = max(box.left, width - box.right) < THINNEST * width and (
        max(box.top, height - box.bottom) < THINNEST * height
    )
    if small_part or (found is None and thin):
        return None
    return found._replace(box=box) if found else Support(box)


def _flat_margins(picture: NDArray[np.uint8]) -> Box:
    """Return the box without margins of one colour, if two opposite sides have them."""
    box, outer = content_box(picture), whole(picture)
    moved = [a != b for a, b in zip(box, outer, strict=True)]
    return box if (moved[0] and moved[2]) or (moved[1] and moved[3]) else outer
