"""Whether LR and HR show the same thing at the same place.

Belongs here: the measure that the data set's check uses. Does not belong here: making pairs
(`degradation`).
"""

import numpy as np
from numpy.typing import NDArray


def shift(lr: NDArray[np.uint8], hr: NDArray[np.uint8]) -> float:
    """Return how far LR is shifted against HR, in LR pixels.

    HR is reduced by plain area averaging, which keeps every detail where it is, and the peak of
    the phase correlation of the two (Kuglin and Hines 1975; OpenCV's sub-pixel estimate) is found.

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
    if first.std() == 0 or second.std() == 0:
        return 0.0  # a flat picture is nowhere in particular
    window = cv2.createHanningWindow((width, height), cv2.CV_64F)
    (across, down), _ = cv2.phaseCorrelate(first, second, window)
    return float(np.hypot(across, down))
