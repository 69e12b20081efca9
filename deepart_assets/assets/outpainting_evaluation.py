"""The asset that compares all outpainters on the same paintings."""

from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.assets.supports import support_in
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import (
    decode_rgb,
    decode_rgba,
    encode_jpeg,
    preview_uri,
    resize,
)
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import Painting, StageContext, StageSpec, chosen
from deepart_assets.outpainting.distance import NAME
from deepart_assets.outpainting.evaluation import ORIGINALS, Outpainted, sheet, table
from deepart_assets.reports import report_json
from deepart_assets.settings import Settings
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.super_resolution.evaluation.metrics import niqe

ASSET = asset_names.OUTPAINTING_EVALUATION


def _fault(record: MaterializationRecord) -> str | None:
    touched = [row["name"] for row in record.figures["rows"] if row["subject_difference"]]
    return f"changed by {', '.join(touched)}" if touched else None


SEAM_LIMIT = 1.25
"""A seam is visible from this multiple of the originals' own seam score."""


def _seam_fault(record: MaterializationRecord) -> str | None:
    scores = {
        row["name"]: row["seam_score"]
        for row in record.figures["rows"]
        if row["seam_score"] is not None
    }
    real = scores.pop(ORIGINALS, None)
    if real is None:
        return None
    worse = {name: score for name, score in scores.items() if score > SEAM_LIMIT * real}
    listed = ", ".join(f"{name} {score:.1f}" for name, score in worse.items())
    return f"steps across the seam: {listed}, the originals {real:.1f}" if worse else None


def outpainting_evaluation(settings: Settings) -> PipelineAssetSpec:
    """Return the asset for the outpainters that the profile names."""
    names = list(settings.outpainters)

    @data_asset(
        settings=lambda settings: settings.restoration.model_dump(
            mode="json", include={"evaluated", "shown"}
        ),
        group="evaluation",
        deps=[asset_names.STYLED_PAINTINGS],
        painting_deps=[
            asset_names.UNFINISHED_PAINTINGS,
            *(asset_names.outpaintings(name) for name in names),
        ],
        kinds={"pytorch"},
        checks=[
            Check("subjects_untouched", "No outpainter changed a subject pixel.", _fault),
            Check(
                "seams_unobtrusive",
                "Steps of brightness across the seam, against those beside it, are on average at"
                " most a quarter larger than at the same places of the originals, where a subject"
                " has an outline too.",
                _seam_fault,
                dg.AssetCheckSeverity.WARN,
            ),
        ],
    )
    def outpainting_evaluation(context: StageContext) -> StageSpec:
        """All outpainters and the originals side by side, on some of the paintings.

        For each: the largest change of a subject pixel (0), how visible the seam is, the kernel
        distance to real paintings, NIQE, the difference to the original in what was generated
        (which says how much was invented, not how well), seconds a painting. A sheet shows
        original, unfinished painting and each outpainting.
        """
        shared = context.settings.restoration

        def make() -> StageResult:
            found, faults = [], []
            ready = (
                key
                for key in context.paintings
                if context.store.done(asset_names.UNFINISHED_PAINTINGS, key) is not None
            )
            for key in chosen(ready, shared.evaluated):
                try:
                    found.append(_outpainted(context, context.paintings[key], names))
                except PaintingError as fault:
                    faults.append({"painting": key, "reason": str(fault)})
            rows, no_distance = table(found, names, _niqe(found, names))
            picture = sheet(found[: shared.shown], names)
            return StageResult(
                {
                    asset_names.report_path(ASSET): report_json(rows),
                    f"{ASSET}/sheet.jpg": encode_jpeg(picture),
                },
                {
                    "preview": preview_uri(picture, 1100),
                    "rows": rows,
                    "paintings": len(found),
                    "kernel_distance": no_distance or NAME,
                    "faults": faults,
                },
            )

        return StageSpec(make)

    return outpainting_evaluation


def _outpainted(context: StageContext, painting: Painting, names: Sequence[str]) -> Outpainted:
    def read(asset: str) -> tuple[bytes, str] | None:
        record = context.store.done(asset, painting.id)
        return None if record is None else (context.lake.read(record.path), record.path)

    records = {
        name: context.store.done(asset_names.outpaintings(name), painting.id) for name in names
    }
    kept = read(asset_names.UNFINISHED_PAINTINGS)
    assert kept is not None  # chosen among those that have one
    unfinished, original = decode_rgba(*kept), painting.original()
    mask = context.store.done(asset_names.SUBJECT_MASKS, painting.id)
    if mask is not None and (support := support_in(context.store, mask)) is not None:
        original = support.box.of(original)
    files = {name: read(asset_names.outpaintings(name)) for name in names}
    return Outpainted(
        caption=painting.caption,
        original=resize(original, *unfinished.shape[:2]),
        unfinished=unfinished,
        results={name: decode_rgb(*file) for name, file in files.items() if file is not None},
        seconds={name: record.seconds for name, record in records.items() if record is not None},
    )


def _niqe(paintings: Sequence[Outpainted], names: Sequence[str]) -> Mapping[str, list[float]]:
    def of(pictures: Sequence[NDArray[np.uint8]]) -> list[float]:
        return [value for each in pictures if (value := niqe(each)) is not None]

    return {ORIGINALS: of([each.original for each in paintings])} | {
        name: of([each.results[name] for each in paintings if name in each.results])
        for name in names
    }
