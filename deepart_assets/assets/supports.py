"""How a painting's support is left out of what segmenters see, and recorded with its masks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.imaging import resize, working_size
from deepart_assets.segmentation import SUPPORT_SUFFIX, Prediction, Support, find_support
from deepart_assets.settings.segmentation import Segmentation

PREDICTION_SIDE = 2048
"""Predictions are made at this smaller side at most: of four times the working copy."""


class SegmenterInput(NamedTuple):
    """A painting as a segmenter receives it: RGB uint8, H×W×3, and what its labels choose."""

    picture: NDArray[np.uint8]
    choice: Mapping[str, Any]
    support: Support | None = None
    """Of the original, if it has one: the picture is then the painting alone."""
    size: tuple[int, ...] = ()
    """Height and width of the reduced original, support included."""
    original_size: tuple[int, ...] = ()

    def placed(self, prediction: Prediction) -> Prediction:
        """Return the prediction for the painting with its support, on which nothing is subject."""
        if self.support is None:
            return prediction
        height, width = self.size
        here = self.support.resized(self.original_size, self.size)
        levels = here.placed(prediction.levels(), height, width)
        classes = prediction.classes and replace(
            prediction.classes, ids=here.placed(prediction.classes.ids, height, width)
        )
        faces = prediction.faces and tuple(
            face.moved(1, here.box.left, here.box.top) for face in prediction.faces
        )
        mask = (levels / 255).astype(np.float32)
        return replace(prediction, mask=mask, classes=classes, faces=faces)


def segmenter_input(
    original: NDArray[np.uint8], choice: Mapping[str, Any], settings: Segmentation
) -> SegmenterInput:
    """Prepare a painting for a segmenter: find its support, leave it out, reduce the rest."""
    shown = resize(original, *working_size(original.shape[0], original.shape[1], PREDICTION_SIDE))
    support = find_support(original) if settings.support.detect else None
    if support is None:
        return SegmenterInput(shown, choice)
    here = support.resized(original.shape[:2], shown.shape[:2])
    visible = here.visible(shown)
    return SegmenterInput(visible, choice, support, shown.shape[:2], original.shape[:2])


def support_file(asset: str, key: str, support: Support) -> dict[str, bytes]:
    """Return the file that says where the painting is, by its lake path."""
    return {asset_names.output_path(asset, key, SUPPORT_SUFFIX): support.to_json()}


def shown_support(support: Support | None) -> str | None:
    """Return what is said of a support in the metadata, on the sheet and in the gallery."""
    if support is None:
        return None
    return f"{support.description()}, {support.in_result.replace('_', ' ')} in the result"
