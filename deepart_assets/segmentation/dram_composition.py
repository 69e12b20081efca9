"""Combines the logits of one or several DRAM networks into class ids and a soft mask.

Cohen, Newman and Shamir 2022, section on composing the sub-domains: the softmax maps are added by
weight, then the largest class is taken.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

STRIP = 100_000
"""Pixels that are decided at once. Twelve maps of a picture of 48 megapixels would take 2.3 GB, of
a strip 5 MB; strips of a million pixels, which fit no cache, took twice the time."""


def compose(
    logits: "Sequence[torch.Tensor]",
    weights: Sequence[float],
    size: tuple[int, int],
    chosen: Sequence[int],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the class of each pixel, and how probably it is one of the chosen ones.

    Each network's logits are enlarged bilinearly with aligned corners; their softmax maps are
    added by weight; the largest class is the pixel's. It works in strips of rows, so that besides
    the two results it takes memory for `STRIP` pixels, and for 12 maps of the logits' height and
    the picture's width a network.

    Args:
        logits: float32, classes×h×w, one array for each network.
        weights: One for each network; their sum is 1.
        size: Height and width of the picture.
        chosen: The ids of the classes that are subjects; not all.

    Returns:
        uint8 ids, H×W; and float32, H×W, in [0, 1]: p / (p + q) with p the largest probability of
        the chosen classes and q that of the others, so that it is above 0.5 just where the pixel's
        class is a chosen one.
    """
    import torch

    height, width = size
    wide = [_with_width(each, width) for each in logits]
    rows, device = logits[0].shape[1], logits[0].device
    step = (rows - 1) / (height - 1) if height > 1 else 0.0
    places = torch.arange(height, dtype=torch.float64) * step
    upper = places.long().clamp(max=max(rows - 2, 0))
    share = (places - upper).float()[:, None].to(device)
    lower = (upper + 1).clamp(max=rows - 1)

    chosen_ids = list(chosen)
    other_ids = [each for each in range(logits[0].shape[0]) if each not in set(chosen)]
    ids = np.empty(size, dtype=np.uint8)
    mask = np.empty(size, dtype=np.float32)
    strip = max(1, STRIP // width)
    for start in range(0, height, strip):
        part = slice(start, min(start + strip, height))
        enlarged = (
            torch.lerp(each[:, upper[part]], each[:, lower[part]], share[part]) for each in wide
        )
        weighted = (each.softmax(dim=0) * w for each, w in zip(enlarged, weights, strict=True))
        total = sum(weighted, start=torch.zeros((), device=device))
        wanted, others = total[chosen_ids].amax(dim=0), total[other_ids].amax(dim=0)
        ids[part] = total.argmax(dim=0).to(torch.uint8).cpu().numpy()
        mask[part] = (wanted / (wanted + others)).cpu().numpy()
    return ids, mask


def _with_width(logits: "torch.Tensor", width: int) -> "torch.Tensor":
    """Enlarge along the rows alone: bilinear interpolation is one axis after the other."""
    import torch

    return torch.nn.functional.interpolate(
        logits[None], size=(logits.shape[1], width), mode="bilinear", align_corners=True
    )[0]
