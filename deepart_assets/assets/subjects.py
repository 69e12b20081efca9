"""The subject of each painting: subject masks and unfinished paintings."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.assets.supports import shown_support, support_file
from deepart_assets.errors import SkipPainting
from deepart_assets.imaging import (
    decode_grey,
    encode_png,
    fit_within,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.orchestration.asset_factory import painting_asset
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import Painting, PaintingStageSpec, StageContext
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.outpainting import ground_tone
from deepart_assets.segmentation import (
    Scribble,
    SubjectMask,
    Verdict,
    build_corrector,
    check_polarity,
    check_position,
    corrected_mask,
    judge_prediction,
    overlay,
    read_curated_mask,
    support_in,
)
from deepart_assets.settings.segmentation import Segmentation
from deepart_assets.storage import StageResult
from deepart_assets.wikiart.painting_folder import MASKS

OVERLAY_SIDE = 600
"""Longer side at which a mask is drawn on its painting."""

_REMEDY = "Draw a mask, or green (kept) and red (generated) strokes, in"

CURATED_MASKS = ObservableFolder(
    **vars(MASKS),
    asset=asset_names.CURATED_MASKS,
    group="segmentation",
    description="Masks and strokes drawn by a curator: `masks/<painting id>.png` in the data root."
    " A mask (white = subject, kept; black = surround) or a cut-out with a transparent surround"
    " replaces the segmenter's; green (kept) and red (generated) strokes on transparent correct"
    " it. Observe this asset after adding, changing or removing one: the UI then shows that"
    " painting's subject mask as stale, and what follows from it once the mask is another one.",
)


GROUND_TONE = "ground_tone"
"""The hint that tells the tone of the old ground, and the setting whether it is told."""

REACHES_OUT = 0.05
"""Share of a curator's mask on the support from which on that is no support but paint."""


def mask_settings(settings: Segmentation) -> dict[str, Any]:
    """Return the settings that affect a mask besides the prediction."""
    return {
        **settings.provenance("segmenter", "support", "evaluation"),
        "minimal_confidence": settings.segmenter.minimal_confidence,
        **({"strokes": "sam"} if _strokes_by_sam(settings) else {}),
        "confident_from": settings.segmenter.confident_from,
    }


def _strokes_by_sam(settings: Segmentation) -> bool:
    return getattr(settings.segmenter, "strokes", None) == "sam"


@painting_asset(
    settings=lambda settings: {
        **mask_settings(settings.segmentation),
        "support_in_result": settings.segmentation.support.in_result,
    },
    group="segmentation",
    painting_deps=[asset_names.PREDICTED_MASKS],
    observed=[CURATED_MASKS],
    kinds={"numpy"},
    code_version="5",  # 5: faces that are left out
    checks=[
        Check(
            "neither_empty_nor_full",
            "The mask keeps a subject beyond doubt and leaves something to generate. A painting"
            " where it does not is reported, and left out downstream unless it is only doubtful and"
            " segmentation.doubtful is restore.",
            lambda record: record.verdict or record.doubt,
            dg.AssetCheckSeverity.WARN,
        )
    ],
)
def subject_masks(context: StageContext) -> PaintingStageSpec:
    """The part of each painting that is kept: the curator's mask, or else the cleaned prediction.

    A prediction is corrected by the curator's strokes, thresholded at one half, specks are removed,
    holes filled, and the edge eroded if the profile says so. PNG of the painting's size, 255 =
    subject (kept), 0 = surround (generated). A painting without a clear subject gets a verdict and
    is not restored; a doubtful one is restored or held, as the profile says. Nothing of a support
    is kept: `.support.json` says where the painting is and whether the support is in the result.
    """
    settings = context.settings.segmentation
    corrector = build_corrector(settings.segmenter)

    def details(painting: Painting) -> Mapping[str, Any]:
        """Return the weights that follow strokes; the prediction's bytes may not depend on them."""
        if not _strokes_by_sam(settings) or CURATED_MASKS.asset not in painting.observed:
            return {}
        prediction = painting.store.whole(painting.inputs[asset_names.PREDICTED_MASKS])
        return {"stroke_weights": prediction.provenance["weights"]}

    def make(painting: Painting) -> StageResult:
        prediction = painting.inputs[asset_names.PREDICTED_MASKS]
        picture = painting.original()
        size = (picture.shape[0], picture.shape[1])
        soft = painting.decoded(asset_names.PREDICTED_MASKS, decode_grey)
        support = support_in(painting.store, prediction)
        painted = support and support.painted(*size)
        subject, judged = judge_prediction(soft, prediction, painted, size, settings)
        mask_from = prediction.figures["segmenter"]
        if CURATED_MASKS.asset in painting.observed:
            data, path = painting.observed_file(CURATED_MASKS.asset)
            drawn = read_curated_mask(data, path, size)
            kept = drawn.keep if isinstance(drawn, Scribble) else drawn
            if painted is not None and (kept & ~painted).sum() > REACHES_OUT * kept.sum():
                support = painted = None
            if isinstance(drawn, Scribble):
                subject = corrected_mask(picture, soft, drawn, settings, corrector)
                subject = SubjectMask.of(subject.mask, painted)
                mask_from = f"{mask_from}, corrected by the curator"
            else:
                if settings.check_polarity and judged.level != "none":
                    check_polarity(drawn, subject.mask, path)
                    check_position(drawn, subject.mask, path)
                subject, mask_from = SubjectMask.of(drawn, painted), "curator"
            judged = Verdict("confident")
        reason = judged.reason and f"{judged.reason}. {_REMEDY} {CURATED_MASKS.path(painting.id)}"
        is_left_out = judged.level == "none" or settings.doubtful == "hold"
        path = asset_names.output_path(asset_names.SUBJECT_MASKS, painting.id)
        files = {path: encode_png(subject.mask.astype(np.uint8) * 255)}
        if support is not None:
            support = support._replace(in_result=settings.support.in_result)
            files |= support_file(asset_names.SUBJECT_MASKS, painting.id, support)
        return StageResult(
            files,
            {
                "preview": _preview(picture, subject.mask),
                "subject_share": round(subject.share, 4),
                "parts": subject.parts,
                "largest_part": round(subject.largest, 4),
                "mask_from": mask_from,
                "confidence": None if mask_from == "curator" else prediction.figures["confidence"],
                "level": judged.level,
                "classes": prediction.figures.get("classes"),
                "segmenter_weights": prediction.provenance.get("weights"),
                "support": shown_support(support),
            },
            verdict=reason if is_left_out else None,
            doubt=None if judged.level == "none" else reason,
        )

    return PaintingStageSpec(make, details=details)


def _preview(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> str:
    """Show a mask on its painting, drawn at a small size: a large scan would take gigabytes."""
    size = fit_within(picture.shape[0], picture.shape[1], OVERLAY_SIDE)
    return preview_uri(
        overlay(resize(picture, *size), resize(mask.astype(np.float32), *size) >= 0.5)
    )


@painting_asset(
    code_version="2",  # 2: tells the tone below the subject, too
    settings=lambda settings: {
        "working_side": settings.restoration.working_side,
        GROUND_TONE: settings.restoration.ground_tone,
    },
    group="outpainting",
    painting_deps=[asset_names.SUBJECT_MASKS],
    kinds={"numpy"},
)
def unfinished_paintings(context: StageContext) -> PaintingStageSpec:
    """The painting as outpainters receive it: the subject alone.

    RGBA PNG at the working size (smaller side as set, aspect ratio kept, never enlarged): alpha
    255 = subject, 0 = to be generated. Colours under alpha 0 are black, so that no generator sees
    what it is to generate. What outpainters are told of the old ground is its tone beside the
    subject, a plane in L*a*b*, unless it is blank or the profile says no. A support is left out.
    """
    settings = context.settings.restoration

    def make(painting: Painting) -> StageResult:
        mask_record = painting.inputs[asset_names.SUBJECT_MASKS]
        if mask_record.verdict is not None:
            raise SkipPainting(mask_record.verdict)
        mask = painting.decoded(asset_names.SUBJECT_MASKS, decode_grey)
        picture = painting.original()
        if (support := support_in(painting.store, mask_record)) is not None:
            picture, mask = support.box.of(picture), support.box.of(mask)
        size = working_size(picture.shape[0], picture.shape[1], settings.working_side)
        # Half covered or more is subject: the rule that keeps the area unbiased.
        known = resize((mask > 0).astype(np.float32), *size) >= 0.5
        picture = resize(picture, *size)
        tone = ground_tone(picture, known) if settings.ground_tone else None
        rgba = np.dstack([picture, np.full(size, 255, np.uint8)])
        rgba[~known] = 0
        path = asset_names.output_path(asset_names.UNFINISHED_PAINTINGS, painting.id)
        return StageResult(
            {path: encode_png(rgba)},
            {
                "preview": preview_uri(rgba),
                "height": size[0],
                "width": size[1],
                "subject_share": round(float(known.mean()), 4),
            },
            hints={GROUND_TONE: tone and tone.to_dict()},
        )

    return PaintingStageSpec(make)


def ground_tone_of(painting: Painting) -> dict[str, Any] | None:
    """Return what the record of an unfinished painting tells of its old ground."""
    return painting.inputs[asset_names.UNFINISHED_PAINTINGS].hints.get(GROUND_TONE)
