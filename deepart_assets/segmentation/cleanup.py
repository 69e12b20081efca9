"""From a soft prediction to the binary mask that the pipeline keeps, and to a verdict on it.

Belongs here: the threshold, islands and holes, and the reasons to leave a painting out. Does not
belong here: anything that looks at the picture (`refinement`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.base import Prediction
from deepart_assets.settings.restoration import Segmentation

THRESHOLD = 0.5


@dataclass(frozen=True)
class SubjectMask:
    """A cleaned mask and what there is to say about it."""

    mask: NDArray[np.bool_]
    """bool, H×W, True = subject."""
    share: float
    """Share of the picture's area that is subject, in [0, 1]."""
    confidence: float
    """As in `Prediction`."""
    parts: int
    """Number of connected parts of the subject."""
    verdict: str | None
    """Why the painting should be left out, with the figures and the setting; None if it is fine."""


def clean_up(prediction: Prediction, settings: Segmentation) -> SubjectMask:
    """Threshold a prediction, remove small parts, and judge the result."""
    mask = remove_small_parts(prediction.mask >= THRESHOLD, settings.smallest_part)
    share = float(mask.mean())
    return SubjectMask(
        mask=mask,
        share=share,
        confidence=prediction.confidence,
        parts=_components(mask, connectivity=8)[0],
        verdict=_verdict(share, prediction.confidence, settings),
    )


def remove_small_parts(mask: NDArray[np.bool_], smallest_part: float) -> NDArray[np.bool_]:
    """Remove islands, then fill holes, whose area is below a share of the picture's.

    Holes at the border count as holes. Applying it twice changes nothing: removing islands first
    can only join holes, and filling holes can only join islands.

    Args:
        mask: bool, H×W.
        smallest_part: The share, in [0, 1].

    Returns:
        bool, H×W, a new array.
    """
    smallest = smallest_part * mask.size
    without_islands = _without_small_components(mask, smallest, connectivity=8)
    # The dual connectivity: a diagonal line of subject pixels closes a hole.
    return ~_without_small_components(~without_islands, smallest, connectivity=4)


def _without_small_components(
    mask: NDArray[np.bool_], smallest: float, connectivity: int
) -> NDArray[np.bool_]:
    count, labels, areas = _components(mask, connectivity)
    large = np.zeros(count + 1, dtype=bool)
    large[1:] = areas >= smallest
    return large[labels]


def _components(mask: NDArray[np.bool_], connectivity: int) -> tuple[int, NDArray, NDArray]:
    """Return the number of components, the label of each pixel (0: none) and the areas."""
    import cv2

    count, labels, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    return count - 1, labels, statistics[1:, cv2.CC_STAT_AREA]


def _verdict(share: float, confidence: float, settings: Segmentation) -> str | None:
    segmenter = settings.segmenter
    if confidence < segmenter.minimal_confidence:
        return (
            f"no subject: nothing stands out (confidence {confidence:.2f}, below"
            f" segmenter.minimal_confidence {segmenter.minimal_confidence:g})"
        )
    if share < settings.minimal_share:
        return (
            f"no subject: only {share:.1%} of the area was found (below minimal_share"
            f" {settings.minimal_share:.1%})"
        )
    if share > settings.maximal_share:
        return (
            f"nearly everything is subject: {share:.1%} of the area (above maximal_share"
            f" {settings.maximal_share:.1%})"
        )
    return None
