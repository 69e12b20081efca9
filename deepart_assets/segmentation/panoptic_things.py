"""Turns Mask2Former's queries for a picture into a subject: the things among its segments."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import fit_within
from deepart_assets.segmentation.base import Prediction, confidence_of, enlarged

if TYPE_CHECKING:
    import torch

SIDE = 1024
"""Segments are decided at the picture's size, or reduced to this longer side: the masks come from
384×384, and a hundred queries of a picture of 48 megapixels would take 19 GB."""
MASKS = (384, 384)
"""What transformers enlarges a query's mask to before anything else."""
TINY = 1e-12
HALF = 0.5
"""Of a mask's probability: below it a query does not claim a pixel (as in the authors' code)."""


@dataclass(frozen=True)
class Rules:
    """What counts as subject."""

    things: Mapping[int, str]
    """Names of the labels that are things, by the model's ids; at most 255."""
    score: float
    """Least probability of a query's class."""
    area: float
    """Least share of the picture that a segment covers."""


def subject_of(
    processor: Any,
    class_logits: "torch.Tensor",
    mask_logits: "torch.Tensor",
    size: tuple[int, int],
    rules: Rules,
) -> Prediction:
    """Unite the things among a picture's segments.

    The segments are those of transformers' `post_process_panoptic_segmentation`: each pixel goes to
    the query whose class probability × mask probability is largest, and a segment that keeps less
    than 0.8 of its query's mask is dropped. The soft mask is the smaller of the mask probability of
    the strongest thing that counts, and its share against the strongest other query; it is at
    least 0.5 just where a pixel belongs to such a thing with a mask probability of at least 0.5
    (enlarged, the two may differ by a pixel along the edge).

    Args:
        processor: The image processor of transformers that belongs to the model.
        class_logits: float32, queries×(labels + 1); the last is "no object".
        mask_logits: float32, queries×h×w.
        size: Height and width of the picture.
        rules: What counts.

    Returns:
        Mask and class ids of the picture's size.
    """
    small = fit_within(*size, SIDE)
    ids = np.zeros(small, dtype=np.uint8)
    mask = np.zeros(small, dtype=np.float32)
    maps, probability = _maps(class_logits, mask_logits, small, rules.score)
    if len(maps):
        weighted = maps * probability[:, None, None]
        owners = weighted.argmax(dim=0).numpy()
        segments = _segments(processor, class_logits, mask_logits, small, rules.score)
        index = {label: number for number, label in enumerate(rules.things, 1)}
        counted = {}
        for label, region in segments:
            if label in index and region.mean() >= rules.area:
                counted[int(owners[region][0])] = index[label]
        if counted:
            mask = _softened(maps, weighted, sorted(counted))
        for query, number in counted.items():
            ids[(owners == query) & (mask >= HALF)] = number
    mask, classes = enlarged(mask, ids, [*rules.things.values()], size)
    return Prediction(mask, confidence_of(mask, mask >= HALF), classes)


def _segments(
    processor: Any,
    class_logits: "torch.Tensor",
    mask_logits: "torch.Tensor",
    size: tuple[int, int],
    score: float,
) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return label and region, bool of `size`, of each segment; one segment is one query's."""
    outputs = SimpleNamespace(
        class_queries_logits=class_logits[None], masks_queries_logits=mask_logits[None]
    )
    found = processor.post_process_panoptic_segmentation(
        outputs, threshold=score, label_ids_to_fuse=set(), target_sizes=[size]
    )[0]
    places = found["segmentation"].numpy()
    regions = [(each["label_id"], places == each["id"]) for each in found["segments_info"]]
    return [(label, region) for label, region in regions if region.any()]


def _maps(
    class_logits: "torch.Tensor", mask_logits: "torch.Tensor", size: tuple[int, int], score: float
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Return mask probabilities, n×H×W, and class probabilities, n, of the queries that count.

    They are what transformers decides by: enlarged first to 384×384, then to `size`.
    """
    import torch

    def enlarge(maps: "torch.Tensor", to: tuple[int, int]) -> "torch.Tensor":
        return torch.nn.functional.interpolate(
            maps[None], size=to, mode="bilinear", align_corners=False
        )[0]

    probability, label = class_logits.softmax(dim=-1).max(dim=-1)
    kept = (label < class_logits.shape[-1] - 1) & (probability > score)
    if not kept.any():
        return torch.zeros(0, *size), probability[kept]
    return enlarge(enlarge(mask_logits, MASKS).sigmoid()[kept], size), probability[kept]


def _softened(
    maps: "torch.Tensor", weighted: "torch.Tensor", counted: list[int]
) -> NDArray[np.float32]:
    strongest, place = weighted[counted].max(dim=0)
    probability = maps[counted].gather(0, place[None])[0]
    others = [query for query in range(len(maps)) if query not in counted]
    if not others:
        return probability.numpy()
    share = strongest / (strongest + weighted[others].amax(dim=0)).clamp(min=TINY)
    return probability.minimum(share).numpy()
