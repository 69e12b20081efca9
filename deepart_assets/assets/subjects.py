"""The subject of each painting: what a segmenter predicts, the mask, a curator's own where there is
one, and the unfinished painting that it leaves.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging import (
    decode_grey,
    encode_ids,
    encode_png,
    fit_within,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import (
    BatchedPrediction,
    Painting,
    PaintingStageSpec,
    StageContext,
)
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.segmentation import (
    Prediction,
    SubjectMask,
    build_segmenter,
    check_polarity,
    clean_up,
    overlay,
    read_curated_mask,
    verdict,
)
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.storage import MaterializationRecord, StageResult, sha256_of

PREDICTION_SIDE = 2048
"""Predictions are made at this smaller side at most: of four times the working copy."""

OVERLAY_SIDE = 600
"""Longer side at which a mask is drawn on its painting."""

CURATED_MASKS = ObservableFolder(
    asset="curated_masks",
    description="Masks that a curator drew, which win over what the segmenter predicts:"
    " `masks/<painting id>.png` in the data root, white = subject (kept), black = surround, or a"
    " cut-out with a transparent surround. Observe this asset after adding, changing or removing"
    " one: the UI then shows that painting's outputs as stale, and no other's.",
    folder="masks",
    suffix=".png",
)


class SegmenterInput(NamedTuple):
    """What a segmenter is shown of a painting."""

    picture: NDArray[np.uint8]
    style: str


def prediction_settings(settings: Segmentation) -> dict[str, Any]:
    """Return what a prediction depends on, but for what the segmenter chooses by the style."""
    elsewhere = {"minimal_confidence", "movement", "styles"}
    return settings.segmenter.model_dump(mode="json", exclude=elsewhere)


def mask_settings(settings: Segmentation) -> dict[str, Any]:
    """Return what a mask depends on besides the prediction."""
    elsewhere = {"segmenter", "batch", "evaluation"}
    return {
        **settings.model_dump(mode="json", exclude=elsewhere),
        "minimal_confidence": settings.segmenter.minimal_confidence,
    }


def shown_to_segmenters(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture as segmenters see it: reduced to `PREDICTION_SIDE`, never enlarged."""
    return resize(picture, *working_size(picture.shape[0], picture.shape[1], PREDICTION_SIDE))


@painting_asset(
    settings=lambda settings: prediction_settings(settings.segmentation),
    kinds={"onnx"},
    pool="gpu",
)
def predicted_masks(context: StageContext) -> PaintingStageSpec:
    """What the segmenter takes for the subject of each painting, several paintings at a time.

    Grey PNG, 0 to 255 = surely subject, with a smaller side of 2048 at most. A segmenter that
    knows classes also leaves a palette PNG of class ids (`.classes.png`), 0 = background.
    """
    settings = context.settings.segmentation
    segmenter = build_segmenter(settings.segmenter, context.downloads)

    def read(painting: Painting) -> SegmenterInput:
        return SegmenterInput(shown_to_segmenters(painting.original()), painting.labels["style"])

    def predict(sitters: Sequence[SegmenterInput]) -> list[Prediction]:
        return segmenter([each.picture for each in sitters], [each.style for each in sitters])

    def finish(painting: Painting, sitter: SegmenterInput, prediction: Prediction) -> StageResult:
        soft = prediction.levels()
        files = {f"predicted_masks/{painting.id}.png": encode_png(soft)}
        figures: dict[str, Any] = {"preview": preview_uri(soft)}
        if (classes := prediction.classes) is not None:
            path = f"predicted_masks/{painting.id}.classes.png"
            files[path] = encode_ids(classes.ids, classes.palette)
            figures["preview"] = preview_uri(np.array(classes.palette, np.uint8)[classes.ids])
            figures["classes"] = {name: round(v, 4) for name, v in classes.shares().items()}
        return StageResult(
            files,
            {
                **figures,
                "confidence": round(prediction.confidence, 3),
                "segmenter": segmenter.descriptor.name,
            },
        )

    return PaintingStageSpec(
        BatchedPrediction(read, predict, finish, settings.batch),
        details=lambda painting: segmenter.choice(painting.labels["style"]),
        weights=segmenter.weights_hash(),
    )


def _mask_fault(record: MaterializationRecord) -> str | None:
    return record.verdict


@painting_asset(
    settings=lambda settings: mask_settings(settings.segmentation),
    painting_deps=["predicted_masks"],
    observed=[CURATED_MASKS],
    kinds={"opencv"},
    code_version="2",
    checks=[
        Check(
            "neither_empty_nor_full",
            "The mask keeps a subject and leaves something to generate. A painting where it does"
            " not is reported and left out downstream.",
            _mask_fault,
            dg.AssetCheckSeverity.WARN,
        )
    ],
)
def subject_masks(context: StageContext) -> PaintingStageSpec:
    """What is kept of each painting: the curator's own mask, or else the prediction made firm.

    A prediction is cut at one half, rid of specks, filled, and eroded if the profile says so. PNG
    of the painting's size, 255 = subject (kept), 0 = surround (generated again). A painting without
    a clear subject gets a verdict that says so, and goes no further.
    """
    settings = context.settings.segmentation

    def make(painting: Painting) -> StageResult:
        prediction = painting.inputs["predicted_masks"]
        picture = painting.original()
        soft = decode_grey(painting.read("predicted_masks"), prediction.path)
        subject = clean_up(soft, picture.shape[:2], settings)
        reason = verdict(subject.share, prediction.figures["confidence"], settings)
        mask_from = prediction.figures["segmenter"]
        if CURATED_MASKS.asset in painting.observed:
            drawn = _curated(painting, picture.shape[:2])
            if settings.check_polarity and reason is None:
                check_polarity(drawn, subject.mask, CURATED_MASKS.path(painting.id))
            subject, reason, mask_from = SubjectMask.of(drawn), None, "curator"
        return StageResult(
            {f"subject_masks/{painting.id}.png": encode_png(subject.mask.astype(np.uint8) * 255)},
            {
                "preview": _preview(picture, subject.mask),
                "subject_share": round(subject.share, 4),
                "parts": subject.parts,
                "mask_from": mask_from,
                "confidence": prediction.figures["confidence"],
                "classes": prediction.figures.get("classes"),
                "segmenter_weights": prediction.provenance.get("weights"),
            },
            verdict=reason,
        )

    return PaintingStageSpec(make)


def _preview(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> str:
    """Show a mask on its painting, drawn at a small size: a large scan would take gigabytes."""
    size = fit_within(picture.shape[0], picture.shape[1], OVERLAY_SIDE)
    return preview_uri(
        overlay(resize(picture, *size), resize(mask.astype(np.float32), *size) >= 0.5)
    )


def _curated(painting: Painting, size: tuple[int, ...]) -> NDArray[np.bool_]:
    path = CURATED_MASKS.path(painting.id)
    data = painting.store.lake.read(path)
    if sha256_of(data) != painting.observed[CURATED_MASKS.asset]:
        raise PaintingError(f"{path} was changed during the run: run it again")
    return read_curated_mask(data, path, (size[0], size[1]))


@painting_asset(
    settings=lambda settings: {"working_side": settings.restoration.working_side},
    painting_deps=["subject_masks"],
    kinds={"opencv"},
)
def unfinished_paintings(context: StageContext) -> PaintingStageSpec:
    """The painting as an outpainter gets it: the subject, and nothing of the rest.

    RGBA PNG at the working size (smaller side as set, aspect kept, never enlarged): alpha 255 =
    subject, 0 = to be generated; colours under alpha 0 are black, so that no generator can look
    at what it is asked to invent.
    """
    side = context.settings.restoration.working_side

    def make(painting: Painting) -> StageResult:
        mask_record = painting.inputs["subject_masks"]
        if mask_record.verdict is not None:
            raise SkipPainting(mask_record.verdict)
        mask = decode_grey(painting.read("subject_masks"), mask_record.path)
        picture = painting.original()
        size = working_size(picture.shape[0], picture.shape[1], side)
        # Half covered or more is subject: the rule that keeps the area unbiased.
        known = resize((mask > 0).astype(np.float32), *size) >= 0.5
        rgba = np.dstack([resize(picture, *size), np.full(size, 255, np.uint8)])
        rgba[~known] = 0
        return StageResult(
            {f"unfinished_paintings/{painting.id}.png": encode_png(rgba)},
            {
                "preview": preview_uri(rgba),
                "height": size[0],
                "width": size[1],
                "subject_share": round(float(known.mean()), 4),
            },
        )

    return PaintingStageSpec(make)
