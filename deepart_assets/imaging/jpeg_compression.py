"""JPEG's lossy side: compressing pictures in memory, and finding out how one was compressed.

Whether a file is whole is in `jpeg`.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
"""Side of a block in pixels."""

QUALITIES = range(25, 96, 5)
"""Qualities that `quality_of` tries. A picture of another one shows at its neighbours."""

SAMPLE = 512
"""Longest side of the part that `quality_of` looks at."""

_CHANGE = 0.05
"""Mean change in grey levels below which a picture is too flat to tell anything."""


def compressed(
    picture: NDArray[np.uint8],
    quality: int,
    offset: tuple[int, int] = (0, 0),
    *,
    subsampled: bool = True,
) -> NDArray[np.uint8]:
    """Return a picture as it comes out of a JPEG.

    Args:
        picture: uint8, H×W×3 (RGB) or H×W.
        quality: As libjpeg counts it, 1 to 100.
        offset: Rows and columns of the first block that lie before the picture, mirrored.
        subsampled: Chroma at half the resolution (4:2:0); else at the full one.

    Returns:
        uint8, of the same shape.
    """
    import cv2

    top, left = offset
    height, width = picture.shape[:2]
    shifted = cv2.copyMakeBorder(picture, top, 0, left, 0, cv2.BORDER_REFLECT)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if picture.ndim == 2:
        _, data = cv2.imencode(".jpg", shifted, options)
        read = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
    else:
        factor = "420" if subsampled else "444"
        options += [
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{factor}"),
        ]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(shifted, cv2.COLOR_RGB2BGR), options)
        bgr = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
        read = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    return np.ascontiguousarray(read[top : top + height, left : left + width])


def blockiness(luma: NDArray[np.uint8]) -> float:
    """Return the steps across the borders of JPEG's 8×8 blocks over the steps elsewhere.

    The mean step between neighbours is taken for each of the eight positions modulo 8; steps are
    capped at 16 levels, so that the painting's own edges say little. The largest of the eight over
    the mean of the seven others, averaged over the two axes: since the largest is looked for, a
    grid that was shifted by cropping is found. About 1 without compression, never below.

    Args:
        luma: uint8, H×W.
    """
    found = []
    for axis in (luma, luma.T):
        means = _steps_by_phase(axis)
        others = (means.sum() - means.max()) / (BLOCK - 1)
        found.append(means.max() / others if others > 0 else 1.0)
    return float(np.mean(found))


def quality_of(luma: NDArray[np.uint8]) -> tuple[int, float]:
    """Return the quality of the JPEG that a picture went through last, and the evidence for it.

    A picture that is compressed again, at the quality and with the grid of the first time, hardly
    changes (Farid 2009, "Exposing digital forgeries from JPEG ghosts"). The evidence is that
    change, over the change with the grid four pixels off: 0.01 to 0.07 for a JPEG that was only
    decoded, and cropped; about 1 for what never was a JPEG or was resized since.

    Args:
        luma: uint8, H×W, both at least 16. The middle of a large picture is enough.
    """
    import cv2

    height, width = luma.shape
    top, left = max(0, height - SAMPLE) // 2, max(0, width - SAMPLE) // 2
    luma = np.ascontiguousarray(luma[top : top + SAMPLE, left : left + SAMPLE])
    borders = (int(_steps_by_phase(axis).argmax()) + 1 for axis in (luma.T, luma))
    row, column = (-border % BLOCK for border in borders)
    half = BLOCK // 2
    off = (row + half) % BLOCK, (column + half) % BLOCK

    def change(quality: int, offset: tuple[int, int]) -> float:
        return float(cv2.absdiff(compressed(luma, quality, offset), luma).mean())

    ratios = {}
    for quality in QUALITIES:
        elsewhere = change(quality, off)
        changed = change(quality, (row, column))
        ratios[quality] = changed / elsewhere if elsewhere > _CHANGE else 1.0
    best = min(ratios, key=lambda quality: ratios[quality])
    return best, ratios[best]


def mean_steps(luma: NDArray[np.uint8], cap: int = 255) -> NDArray[np.float64]:
    """Return the mean step, of at most `cap` levels, from each column to the next: W−1."""
    import cv2

    return cv2.absdiff(luma[:, 1:], luma[:, :-1]).clip(max=cap).mean(axis=0, dtype=np.float64)


def _steps_by_phase(luma: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean step from a column to the next for the eight places in a block."""
    steps = mean_steps(luma, cap=16)
    return np.array([steps[phase::BLOCK].mean() for phase in range(BLOCK)])
