"""Finds boxes around what phrases name, with Grounding DINO or MM Grounding DINO.

Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set Object
Detection", ECCV 2024 (arXiv 2303.05499).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import predict_by_group
from deepart_assets.errors import PaintingError
from deepart_assets.segmentation.hub_models import BATCH, as_image

if TYPE_CHECKING:
    import torch

KINDS = {
    "grounding-dino": ("GroundingDinoForObjectDetection", "GroundingDinoProcessor"),
    "mm-grounding-dino": ("MMGroundingDinoForObjectDetection", "GroundingDinoProcessor"),
}
"""Classes of model and processor by the `model_type` of the configuration."""
SAME_THING = 0.8
"""Of two boxes of one phrase that overlap (IoU) by more, the one with the higher score stays."""


@dataclass(frozen=True)
class Boxes:
    """The boxes found in a picture, highest score first."""

    corners: NDArray[np.float32]
    """n×4: left, top, right, bottom, as shares of the picture's width and height, in [0, 1]."""
    phrases: NDArray[np.int64]
    """n: the index of the phrase that each is."""
    scores: NDArray[np.float32]
    """n, in [0, 1]."""


_Key = tuple[tuple[int, ...], tuple[str, ...]]


class TextDetector:
    """Grounding DINO or MM Grounding DINO, prompted with phrases.

    Args:
        model: A model of `KINDS`.
        processor: Its processor.
        score: Boxes with at most this score are ignored.
        most: The largest number of boxes of a picture.
    """

    def __init__(self, model: Any, processor: Any, score: float, most: int) -> None:
        self._model, self._processor = model, processor
        self._score, self._most = score, most
        self._limits: dict[_Key, int] = {}

    def __call__(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[tuple[str, ...]]
    ) -> list[Boxes]:
        """Return the boxes of each picture.

        Args:
            pictures: uint8, H×W×3, any sizes.
            phrases: What to look for in each.

        Raises:
            PaintingError: The phrases are longer than the model reads.
        """
        pixels = [
            self._processor.image_processor(as_image(picture), return_tensors="pt")
            for picture in pictures
        ]
        inputs = [each["pixel_values"][0] for each in pixels]
        # Padded to one size, as transformers would, boxes would depend on the other pictures.
        keys = [(tuple(one.shape), names) for one, names in zip(inputs, phrases, strict=True)]
        batch = BATCH[self._model.device.type]
        return predict_by_group(self._detect, inputs, keys, batch, self._limits)

    def _detect(self, key: _Key, inputs: "Sequence[torch.Tensor]") -> list[Boxes]:
        import torch

        phrases, device = key[1], self._model.device
        text = " ".join(f"{phrase}." for phrase in phrases)
        tokens = self._processor.tokenizer([text] * len(inputs), return_tensors="pt")
        owners = self._owners(tokens["input_ids"][0].tolist())
        longest = self._model.config.max_text_len
        if len(owners) > longest:
            raise PaintingError(
                f"the text {text!r} has {len(owners)} parts of words, more than the {longest} that"
                " the detector reads: name the subject in fewer words"
            )
        with torch.inference_mode():
            found = self._model(
                pixel_values=torch.stack(list(inputs)).to(device), **tokens.to(device)
            )
        probabilities = found.logits[..., : len(owners)].sigmoid().float().cpu()
        corners = _corners(found.pred_boxes.float().cpu())
        return [
            self._chosen(*one, owners, len(phrases))
            for one in zip(probabilities, corners, strict=True)
        ]

    def _owners(self, ids: Sequence[int]) -> list[int]:
        """Return for each token the index of its phrase, or -1 for what only separates them."""
        tokenizer = self._processor.tokenizer
        stop = tokenizer.convert_tokens_to_ids(".")
        owners, phrase = [], 0
        for each in ids:
            is_word = each != stop and each not in (tokenizer.cls_token_id, tokenizer.sep_token_id)
            owners.append(phrase if is_word else -1)
            phrase += each == stop
        return owners

    def _chosen(
        self, probabilities: "torch.Tensor", corners: "torch.Tensor", owners: list[int], count: int
    ) -> Boxes:
        """Choose among a picture's queries: probabilities, queries×tokens, and boxes, queries×4.

        The score of a query for a phrase is that of the most probable of the phrase's tokens, as
        in the authors' code, and the query is the phrase for which it is highest.
        """
        import torch

        owner = torch.tensor(owners)
        by_phrase = [probabilities[:, owner == each].amax(dim=1) for each in range(count)]
        scores, phrases = torch.stack(by_phrase, dim=1).max(dim=1)
        best: list[int] = []
        for each in scores.argsort(descending=True, stable=True).tolist():
            if scores[each] <= self._score or len(best) == self._most:
                break
            known = [other for other in best if phrases[other] == phrases[each]]
            if all(_overlap(corners[each], corners[other]) <= SAME_THING for other in known):
                best.append(each)
        return Boxes(corners[best].numpy(), phrases[best].numpy(), scores[best].numpy())


def _overlap(one: "torch.Tensor", other: "torch.Tensor") -> float:
    """Return the intersection over union of two boxes."""
    shared = (one[2:].minimum(other[2:]) - one[:2].maximum(other[:2])).clamp(min=0).prod()
    areas = (one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()
    return float(shared / (areas - shared).clamp(min=1e-12))


def _corners(boxes: "torch.Tensor") -> "torch.Tensor":
    """Return corners, clipped to the picture, from centres and sizes."""
    import torch

    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1).clamp(0, 1)
