"""The plain parts of a subject: cloth, hair, a vase's side, which can be a ground's texture."""

import numpy as np
from numpy.typing import NDArray

NEIGHBOURHOOD = 0.03
"""Standard deviation of the window in which colours are compared, as a share of the root of the
picture's area."""
WINDOW = 15
"""Plain is only what holds a square of this side, in pixels."""
SHARES = (0.2, 0.3, 0.4, 0.5, 0.65, 0.8)
"""The plainest share of the subject is taken that has a part large enough."""
LEAST = 0.012
"""Share of the picture that the middles of a part's squares cover at least."""
BESIDE_LARGEST = 1 / 3
"""Parts smaller than this share of the largest are left out: many small ones make a patchwork."""


def plain_parts(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find where a subject's colours vary least around each place.

    Args:
        picture: uint8, H×W×3, RGB; what is not known is ignored.
        known: bool, H×W: the subject.

    Returns:
        bool, H×W, within `known`; all of it where it is small or nowhere plain.
    """
    import cv2

    inner = cv2.erode(known.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    if not inner.any():
        return known
    variance = _variance(picture, known)
    square = np.ones((WINDOW, WINDOW), np.uint8)
    for share in SHARES:
        plain = inner & (variance <= np.quantile(variance[inner], share))
        middles = cv2.erode(
            plain.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        _, parts, found, _ = cv2.connectedComponentsWithStats(middles, connectivity=8)
        areas = found[1:, cv2.CC_STAT_AREA]
        if areas.size and areas.max() >= LEAST * known.size:
            large = 1 + np.flatnonzero(areas >= BESIDE_LARGEST * areas.max())
            around = cv2.dilate(np.isin(parts, large).astype(np.uint8), square).astype(bool)
            return np.asarray(around & plain)
    return known


def _variance(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the variance of the known L*a*b* values (of 255) around each place, summed: H×W."""
    import cv2

    deviation = NEIGHBOURHOOD * known.size**0.5
    weights = known.astype(np.float32)[..., None]
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    seen = np.maximum(cv2.GaussianBlur(weights, (0, 0), deviation), 1e-3)[..., None]
    mean, mean_of_squares = (
        cv2.GaussianBlur(values * weights, (0, 0), deviation) / seen for values in (lab, lab * lab)
    )
    return np.asarray((mean_of_squares - mean**2).sum(axis=2))
