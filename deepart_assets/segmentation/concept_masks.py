"""Cuts what phrases name out of pictures, with SAM 3, which needs no detector.

Carion et al., "SAM 3: Segment Anything with Concepts", 2025 (arXiv 2511.16719).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import predict_by_group
from deepart_assets.errors import PaintingError
from deepart_assets.segmentation.hub_models import BATCH, as_image
from deepart_assets.segmentation.subject_parts import Parts

KINDS = {
    "sam3": ("Sam3Model", "Sam3Processor"),
    "sam3_video": ("Sam3Model", "Sam3Processor"),  # as published; the model is a part of it
    "sam3_lite_text": ("Sam3LiteTextModel", "Sam3Processor"),
}
"""Classes of model and processor by the `model_type` of the configuration."""


class ConceptMasks:
    """SAM 3, prompted with phrases.

    Args:
        model: A model of `KINDS`.
        processor: Its processor.
        score: Instances with at most this score are ignored.
        most: The largest number of instances of a picture.
    """

    def __init__(self, model: Any, processor: Any, score: float, most: int) -> None:
        self._model, self._processor = model, processor
        self._score, self._most = score, most
        self._limits: dict[tuple[str, ...], int] = {}

    def __call__(
        self, pictures: Sequence[NDArray[np.uint8]], phrases: Sequence[tuple[str, ...]]
    ) -> list[Parts]:
        """Return the parts of each picture that its phrases name.

        Args:
            pictures: uint8, H×W×3, any sizes.
            phrases: What to look for in each.

        Raises:
            PaintingError: A phrase is longer than the model reads.
        """
        batch = BATCH[self._model.device.type]
        return predict_by_group(self._predict, pictures, phrases, batch, self._limits)

    def _predict(
        self, phrases: tuple[str, ...], pictures: Sequence[NDArray[np.uint8]]
    ) -> list[Parts]:
        """Look at the pictures once, then for one phrase after the other."""
        import torch

        model, count = self._model, len(pictures)
        tokens = [self._tokens(phrase) for phrase in phrases]
        pixels = self._processor(images=[*map(as_image, pictures)], return_tensors="pt")
        found: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in pictures]
        with torch.inference_mode():
            seen = model.get_vision_features(pixels["pixel_values"].to(model.device))
            for each in tokens:
                text = {name: value.repeat(count, 1) for name, value in each.items()}
                answer = model(vision_embeds=seen, **text)
                scores = answer.pred_logits.sigmoid() * answer.presence_logits.sigmoid()
                for parts, score, logits in zip(found, scores, answer.pred_masks, strict=True):
                    counted = score > self._score
                    parts.append((score[counted].float().cpu(), logits[counted].float().cpu()))
        return [self._chosen(parts) for parts in found]

    def _tokens(self, phrase: str) -> dict[str, Any]:
        tokens = self._processor(text=phrase, return_tensors="pt")
        longest = self._model.config.text_config.max_position_embeddings
        if (length := tokens["input_ids"].shape[1]) > longest:
            raise PaintingError(
                f"{phrase!r} has {length} parts of words, more than the {longest} that SAM 3 reads"
                " of one thing: name it in fewer words, and separate things by semicolons"
            )
        return {
            name: tokens[name].to(self._model.device) for name in ("input_ids", "attention_mask")
        }

    def _chosen(self, by_phrase: Sequence[tuple[Any, Any]]) -> Parts:
        """Return the parts with the highest scores of all phrases."""
        scores = np.concatenate([score.numpy() for score, _ in by_phrase])
        phrases = np.repeat(np.arange(len(by_phrase)), [len(score) for score, _ in by_phrase])
        logits = np.concatenate([logits.numpy() for _, logits in by_phrase])
        best = np.argsort(-scores, kind="stable")[: self._most]
        return Parts(logits[best], phrases[best], scores[best])
