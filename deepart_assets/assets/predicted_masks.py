"""The subject of each painting as the segmenter predicts it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
import numpy as np

from deepart_assets import asset_names
from deepart_assets.assets.subject_texts import SUBJECT_TEXTS, choice_for, unread_text
from deepart_assets.assets.supports import SegmenterInput, segmenter_input, support_file
from deepart_assets.imaging import encode_ids, encode_png, preview_uri
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import (
    BatchedPrediction,
    Painting,
    PaintingStageSpec,
    StageContext,
)
from deepart_assets.segmentation import Prediction, build_segmenter
from deepart_assets.segmentation.faces import find_faces, recorded
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.storage import StageResult

CODE_VERSION = "9"
"""9: the bundled segmenter takes a rim of ground off."""


def prediction_settings(settings: Segmentation) -> dict[str, Any]:
    """Return the settings that affect a prediction, except for the choice by labels."""
    return {
        **settings.segmenter.provenance(
            "minimal_confidence",
            "confident_from",
            "movement",
            "styles",
            "genres",
            "text",
            "strokes",
        ),
        "detect_support": settings.support.detect,
        "faces": settings.faces,
    }


@painting_asset(
    settings=lambda settings: prediction_settings(settings.segmentation),
    group="segmentation",
    observed=[SUBJECT_TEXTS],
    kinds={"python"},
    pool="gpu",
    code_version=CODE_VERSION,
    checks=[
        Check(
            "texts_are_read",
            "Where somebody says what the subject of a painting is, the segmenter reads it.",
            lambda record: record.figures.get("unread_text"),
            dg.AssetCheckSeverity.WARN,
        )
    ],
)
def predicted_masks(context: StageContext) -> PaintingStageSpec:
    """The subject of each painting as the segmenter predicts it, several paintings at a time.

    Grey PNG, 0 = surround to 255 = subject, with a smaller side of at most 2048. A segmenter with
    classes also writes a palette PNG of class ids (`.classes.png`), 0 = background. Where the
    painting has a support (a frame, an oval), the segmenter sees the painting alone, the rest is 0,
    and `.support.json` says where the painting is.
    """
    settings = context.settings.segmentation
    segmenter = build_segmenter(settings.segmenter, context.downloads)
    warned: list[str] = []

    def read(painting: Painting) -> SegmenterInput:
        return segmenter_input(painting.original(), choice_for(painting, segmenter), settings)

    def predict(inputs: Sequence[SegmenterInput]) -> list[Prediction]:
        pictures = [each.picture for each in inputs]
        predictions = segmenter(pictures, [each.choice for each in inputs])
        return [
            replace(found, faces=tuple(find_faces(picture)))
            if settings.faces and found.faces is None
            else found
            for picture, found in zip(pictures, predictions, strict=True)
        ]

    def details(painting: Painting) -> Mapping[str, Any]:
        """Return the choice, but for a text in a file, whose hash is among the inputs."""
        if SUBJECT_TEXTS.asset in painting.observed and segmenter.descriptor.reads_text:
            return {}
        choice = segmenter.choice(painting.labels)
        unread = unread_text(painting, segmenter)
        return choice if unread is None else {**choice, "unread_text": unread}

    def finish(painting: Painting, item: SegmenterInput, prediction: Prediction) -> StageResult:
        prediction = item.placed(prediction)
        soft = prediction.levels()
        path = asset_names.output_path(asset_names.PREDICTED_MASKS, painting.id)
        files = {path: encode_png(soft)}
        if item.support is not None:
            files |= support_file(asset_names.PREDICTED_MASKS, painting.id, item.support)
        figures: dict[str, Any] = {"preview": preview_uri(soft)}
        if (classes := prediction.classes) is not None:
            path = asset_names.output_path(asset_names.PREDICTED_MASKS, painting.id, ".classes.png")
            files[path] = encode_ids(classes.ids, classes.palette)
            figures["preview"] = preview_uri(np.array(classes.palette, np.uint8)[classes.ids])
            figures["classes"] = {name: round(v, 4) for name, v in classes.shares().items()}
        unread = unread_text(painting, segmenter)
        if unread is not None and not warned:
            warned.append(painting.id)
            context.log.warning(f"{painting.id}: {unread} (the check texts_are_read lists all)")
        return StageResult(
            files,
            {
                **figures,
                "confidence": round(prediction.confidence, 3),
                "segmenter": segmenter.descriptor.name,
                "text": item.choice.get("text"),
                "unread_text": unread,
                "support": item.support.description() if item.support else None,
                "faces": recorded(prediction.faces or (), soft.shape) if settings.faces else [],
            },
            verdict=prediction.verdict,
        )

    return PaintingStageSpec(
        BatchedPrediction(read, predict, finish, settings.batch),
        details=details,
        weights=segmenter.weights_hash(),
    )
