"""The asset that compares all outpainters on the same paintings."""

import hashlib
from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.errors import PaintingError, described
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
from deepart_assets.outpainting.blind_sheet import blind_sheet
from deepart_assets.outpainting.evaluation import COLUMNS, Outpainted, measured, sheet, table
from deepart_assets.outpainting.measures import MEASURES
from deepart_assets.reports import report_json
from deepart_assets.segmentation import support_in
from deepart_assets.settings import Settings
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.storage.retries import is_transient
from deepart_assets.storage.stamped_cache import StampedCache

ASSET = asset_names.OUTPAINTING_EVALUATION
CODE_VERSION = "3"  # 3: mask and picture are reduced alike
CACHE = f"registers/{ASSET}.measures.jsonl"


def _fault(record: MaterializationRecord) -> str | None:
    touched = [row["name"] for row in record.figures["rows"] if row["subject_difference"]]
    return f"changed by {', '.join(touched)}" if touched else None


def _known_faults(record: MaterializationRecord) -> str | None:
    real, *rows = record.figures["rows"]
    found = [
        f"{row['name']}: {measure.name} {row[measure.name]:.2g}"
        f" (the originals {real[measure.name]:.2g})"
        for row in rows
        for measure in MEASURES
        if None not in (row[measure.name], real[measure.name])
        and measure.worse(row[measure.name], real[measure.name]) > measure.tolerance
    ]
    return "; ".join(found) or None


def outpainting_evaluation(settings: Settings) -> PipelineAssetSpec:
    """Return the asset for the outpainters that the profile names."""
    names = list(settings.outpainters)

    @data_asset(
        settings=lambda settings: settings.restoration.model_dump(
            mode="json", include={"evaluated", "shown", "seed"}
        ),
        group="evaluation",
        deps=[asset_names.STYLED_PAINTINGS],
        painting_deps=[
            asset_names.UNFINISHED_PAINTINGS,
            *(asset_names.outpaintings(name) for name in names),
        ],
        kinds={"numpy"},
        code_version=CODE_VERSION,
        checks=[
            Check("subjects_untouched", "No outpainter changed a subject pixel.", _fault),
            Check(
                "no_known_faults",
                "No measure of a known fault is clearly worse than for the originals, on average.",
                _known_faults,
                dg.AssetCheckSeverity.WARN,
            ),
        ],
    )
    def outpainting_evaluation(context: StageContext) -> StageSpec:
        """All outpainters and the originals side by side, on some of the paintings.

        The table measures the faults that are known of outpainters; the first row is the originals'
        own, and the columns say which values are better. A sheet shows original, unfinished
        painting and each outpainting. Where there are several outpainters, a blind sheet shows
        their results in shuffled order, for people to score: `deepart tally`.
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
                except Exception as fault:  # one bad painting never stops the others
                    if is_transient(fault):  # the next run may compare this painting, too
                        raise
                    faults.append({"painting": key, "reason": described(fault)})
            if faults and not found:
                raise PaintingError(f"no painting could be measured: {faults[0]['reason']}")
            with StampedCache(context.lake, CACHE, CODE_VERSION) as cache:
                rows = table(found, names, remembered := Remembered(cache))
                cache.retain(remembered.asked)
            picture = sheet(found[: shared.shown], names)
            blind = blind_sheet(found, names, shared.seed) if len(names) > 1 else {}
            return StageResult(
                {
                    asset_names.report_path(ASSET): report_json(rows),
                    f"{ASSET}/sheet.jpg": encode_jpeg(picture),
                    **{f"{ASSET}/{file}": data for file, data in blind.items()},
                },
                {
                    "preview": preview_uri(picture, 1100),
                    "rows": rows,
                    "columns": list(COLUMNS),
                    "paintings": len(found),
                    "faults": faults,
                },
            )

        return StageSpec(make)

    return outpainting_evaluation


class Remembered:
    """Measures only what it has not measured before: one corrected mask changes one of many.

    Args:
        cache: The values by the SHA-256 of the pixels that were measured.
    """

    def __init__(self, cache: StampedCache) -> None:
        self._cache = cache
        self.asked: set[str] = set()
        """The keys of the values that were asked for."""

    def __call__(self, unfinished: NDArray[np.uint8], result: NDArray[np.uint8]) -> dict[str, Any]:
        """Return what `measured` does."""
        digest = hashlib.sha256(repr(unfinished.shape).encode())
        for pixels in (unfinished, result):
            digest.update(np.ascontiguousarray(pixels).data)
        key = digest.hexdigest()
        self.asked.add(key)
        if (known := self._cache.get(key)) is not None:
            return dict(known.value)
        values = measured(unfinished, result)
        self._cache.put(key, None, key, values)
        return values


def _outpainted(context: StageContext, painting: Painting, names: Sequence[str]) -> Outpainted:
    def read(record: MaterializationRecord) -> tuple[bytes, str]:
        return context.lake.read(record.path), record.path

    records = {
        name: record
        for name in names
        if (record := context.store.done(asset_names.outpaintings(name), painting.id)) is not None
    }
    kept = context.store.done(asset_names.UNFINISHED_PAINTINGS, painting.id)
    assert kept is not None  # chosen among those that have one
    unfinished, original = decode_rgba(*read(kept)), painting.original()
    mask = context.store.done(asset_names.SUBJECT_MASKS, painting.id)
    if mask is not None and (support := support_in(context.store, mask)) is not None:
        original = support.box.of(original)
    return Outpainted(
        id=painting.id,
        caption=painting.caption,
        original=resize(original, *unfinished.shape[:2]),
        unfinished=unfinished,
        results={name: decode_rgb(*read(record)) for name, record in records.items()},
        seconds={name: record.seconds for name, record in records.items()},
    )
