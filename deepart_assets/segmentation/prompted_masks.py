"""Cuts things out of pictures by boxes or points, with SAM 2, SAM, SAM-HQ or EdgeTAM.

Ravi et al., "SAM 2: Segment Anything in Images and Videos", 2024 (arXiv 2408.00714).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import predict_by_group
from deepart_assets.imaging import fit_within
from deepart_assets.segmentation.hub_models import BATCH, as_image

if TYPE_CHECKING:
    from PIL.Image import Image

KINDS = {
    "sam2": ("Sam2Model", "Sam2Processor"),
    "sam2_video": ("Sam2Model", "Sam2Processor"),  # as published; the model is the same
    "edgetam": ("EdgeTamModel", "Sam2Processor"),
    "edgetam_video": ("EdgeTamModel", "Sam2Processor"),
    "sam_hq": ("SamHQModel", "SamHQProcessor"),
    "sam": ("SamModel", "SamProcessor"),
}
"""Classes of model and processor by the `model_type` of the configuration."""
SIDE = 1024
"""Masks are returned at the picture's size, or reduced to this longer side: the network sees no
more, and gives a quarter of it."""


@dataclass(frozen=True)
class Masks:
    """The masks of a picture, one for each box."""

    logits: NDArray[np.float32]
    """n×h×w, above 0 = inside; the picture's size, or reduced to `SIDE`."""
    scores: NDArray[np.float32]
    """n: the intersection over union that the model expects of each mask, in [0, 1]."""


@dataclass(frozen=True)
class _Prompted:
    size: tuple[int, int]
    """Height and width of the picture."""
    image: "Image"
    """What the network is shown."""
    prompts: dict[str, Any]


class PromptedMasks:
    """SAM or one of its kin, prompted with boxes or points.

    Args:
        model: A model of `KINDS`.
        processor: Its processor.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self._model, self._processor = model, processor
        self._limits: dict[tuple[int, ...], int] = {}

    def from_boxes(
        self, pictures: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]
    ) -> list[Masks]:
        """Return a mask for each box of each picture.

        Args:
            pictures: uint8, H×W×3, any sizes.
            boxes: For each picture n×4, at least one: left, top, right, bottom, as shares of its
                width and height.
        """
        items = []
        for picture, corners in zip(pictures, boxes, strict=True):
            image = as_image(picture)
            scaled = corners * np.tile(image.size, 2)
            items.append(_Prompted(picture.shape[:2], image, {"input_boxes": scaled.tolist()}))
        return self._predict(items, [(len(corners),) for corners in boxes])

    def from_points(
        self, picture: NDArray[np.uint8], keep: NDArray[np.float32], drop: NDArray[np.float32]
    ) -> Masks:
        """Return the mask of the object that points indicate.

        Args:
            picture: uint8, H×W×3.
            keep: k×2, at least one: x, y of points inside, as shares of width and height.
            drop: d×2: points outside.
        """
        image = as_image(picture)
        prompts = {
            "input_points": [(np.concatenate([keep, drop]) * image.size).tolist()],
            "input_labels": [[1] * len(keep) + [0] * len(drop)],
        }
        items = [_Prompted(picture.shape[:2], image, prompts)]
        return self._predict(items, [(len(keep), len(drop))])[0]

    def _predict(self, items: Sequence[_Prompted], keys: Sequence[tuple[int, ...]]) -> list[Masks]:
        batch = BATCH[self._model.device.type]
        return predict_by_group(self._masks, items, keys, batch, self._limits)

    def _masks(self, key: tuple[int, ...], items: Sequence[_Prompted]) -> list[Masks]:
        import torch

        model = self._model
        inputs = self._processor(
            images=[each.image for each in items],
            **{name: [each.prompts[name] for each in items] for name in items[0].prompts},
            return_tensors="pt",
        )
        del inputs["original_sizes"]
        # Of the models that pad a picture to a square instead of stretching it.
        padding = {"reshaped_input_sizes": inputs.pop("reshaped_input_sizes", None)}
        given = {
            name: (value.float() if value.is_floating_point() else value).to(model.device)
            for name, value in inputs.items()
        }
        with torch.inference_mode():
            found = model(**given, multimask_output=False)
        masks = self._processor.post_process_masks(
            found.pred_masks.float().cpu(),
            original_sizes=[fit_within(*each.size, SIDE) for each in items],
            binarize=False,
            **{name: value for name, value in padding.items() if value is not None},
        )
        scores = found.iou_scores[..., 0].float().cpu().clamp(0, 1)
        return [
            Masks(logits[:, 0].numpy(), score.numpy())
            for logits, score in zip(masks, scores, strict=True)
        ]
