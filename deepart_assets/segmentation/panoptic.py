"""The panoptic segmenter: Mask2Former through transformers; the subject is the things it finds.

Cheng et al., "Masked-attention Mask Transformer for Universal Image Segmentation", CVPR 2022
(arXiv 2112.01527).
"""

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import predict_by_group
from deepart_assets.errors import UnavailableError
from deepart_assets.segmentation.base import Descriptor, Prediction, Segmenter
from deepart_assets.segmentation.hub_models import BATCH, load_model, not_too_thin
from deepart_assets.segmentation.panoptic_things import Rules, subject_of
from deepart_assets.settings.segmenters import Panoptic
from deepart_assets.storage.hub import download_model, hash_of_model

if TYPE_CHECKING:
    import torch

SETTING = "segmentation.segmenter.model"
FILES = ("*.safetensors", "*.json")
"""Weights and configuration: both decide what comes out."""
COCO_LABELS, COCO_THINGS = 133, 80
"""COCO's panoptic labels have the 80 things first, person to toothbrush, and then 53 kinds of
surround."""
MOST_THINGS = 255


class PanopticSegmenter(Segmenter):
    """Unites the segments of things that are probable and large enough to one subject."""

    descriptor = Descriptor(name="panoptic")

    def __init__(self, settings: Panoptic) -> None:
        self._settings = settings
        self._limits: dict[tuple[int, ...], int] = {}
        """Pictures at once that have turned out to fit into memory, by the shape of the input."""

    def weights_hash(self) -> str:
        """Return the SHA-256 over the names and contents of weights and configuration.

        Raises:
            UnavailableError: The model is unavailable; names model and remedy.
        """
        return hash_of_model(self._folder, FILES)

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Predict pictures of the same input size in batches of at most `BATCH`.

        Raises:
            UnavailableError: The model is unavailable, is of another kind, or has no such
                labels as `things` names.
        """
        if not pictures:
            return []
        model, processor, rules = self._loaded
        inputs = [_input(processor, picture) for picture in pictures]
        # Padded to one size, as transformers would, a picture's masks would depend on the others.
        shapes = [tuple(each.shape) for each in inputs]
        batch = BATCH[model.device.type]
        queries = predict_by_group(self._queries, inputs, shapes, batch, self._limits)
        return [
            subject_of(processor, classes, masks, picture.shape[:2], rules)
            for picture, (classes, masks) in zip(pictures, queries, strict=True)
        ]

    def _queries(
        self, shape: tuple[int, ...], inputs: "Sequence[torch.Tensor]"
    ) -> "list[tuple[torch.Tensor, torch.Tensor]]":
        """Return class logits, Q×(labels + 1), and mask logits, Q×h×w, of inputs of one shape."""
        import torch

        model = self._loaded[0]
        with torch.inference_mode():
            answer = model(pixel_values=torch.stack(list(inputs)).to(model.device))
        classes, masks = answer.class_queries_logits.cpu(), answer.masks_queries_logits.cpu()
        return list(zip(classes, masks, strict=True))

    @cached_property
    def _folder(self) -> Path:
        settings = self._settings
        return download_model(settings.model, settings.revision, FILES, SETTING)

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Rules]:
        """The model, its processor, and what counts as subject."""
        settings, folder = self._settings, self._folder
        model, processor = load_model(
            folder,
            "Mask2FormerForUniversalSegmentation",
            "Mask2FormerImageProcessorPil",
            "a Mask2Former",
            SETTING,
        )
        things = _things(model.config.id2label, settings.things, str(folder))
        return model, processor, Rules(things, settings.score, settings.area)


def _input(processor: Any, picture: NDArray[np.uint8]) -> "torch.Tensor":
    """Return the network's input, float32, 3×h×w, as the model's own configuration has it."""
    thick = not_too_thin(picture)
    return processor(images=[thick], input_data_format="channels_last", return_tensors="pt")[
        "pixel_values"
    ][0]


def _things(labels: Mapping[int, str], wanted: Sequence[str], model: str) -> dict[int, str]:
    """Return the labels that are things, name by id, in the order of the ids."""
    setting = "segmentation.segmenter.things"
    if not wanted:
        if len(labels) != COCO_LABELS:
            raise UnavailableError(
                f"{model} has {len(labels)} labels and not COCO's {COCO_LABELS}, so that it is not"
                f" known which are things: name them in {setting}"
            )
        return {each: labels[each] for each in range(COCO_THINGS)}
    known = sorted(labels.values())
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:10]
            raise UnavailableError(
                f"{model} has no label {name!r}; it has {', '.join(close)}, …: correct {setting}"
            )
    chosen = {each: name for each, name in sorted(labels.items()) if name in wanted}
    if len(chosen) > MOST_THINGS:
        raise UnavailableError(f"{setting} names more than {MOST_THINGS} labels: name fewer")
    return chosen
