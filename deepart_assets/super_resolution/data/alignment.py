"""The shift between LR and HR, for the check of the pairs."""

import numpy as np
from numpy.typing import NDArray


def shift(lr: NDArray[np.uint8], hr: NDArray[np.uint8]) -> float:
    """Return the shift between LR and HR in LR pixels.

    HR is reduced by area averaging, which moves nothing; the shift is the peak of the phase
    correlation of the two (Kuglin and Hines 1975; OpenCV's sub-pixel estimate).

    Args:
        lr: uint8, h×w×3.
        hr: uint8, 4h×4w×3.
    """
    import cv2

    height, width = lr.shape[:2]
    reduced = cv2.resize(hr, (width, height), interpolation=cv2.INTER_AREA)
    first, second = (
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64) for picture in (lr, reduced)
    )
    if first.std() == 0 or second.std() == 0 or min(height, width) < 2:
        return 0.0  # a flat picture or a line has no position
    window = cv2.createHanningWindow((width, height), cv2.CV_64F)
    below, right = _even_dft_length(height) - height, _even_dft_length(width) - width
    first, second = (
        cv2.copyMakeBorder(picture * window, 0, below, 0, right, cv2.BORDER_CONSTANT)
        for picture in (first, second)
    )
    (across, down), _ = cv2.phaseCorrelate(first, second)
    return float(np.hypot(across, down))


def _even_dft_length(length: int) -> int:
    """Return an even length that OpenCV does not pad; with odd ones it is half a pixel off."""
    import cv2

    while length % 2 or cv2.getOptimalDFTSize(length) != length:
        length = cv2.getOptimalDFTSize(length + 1)
    return length
