"""The gallery, a page for curators."""

from deepart_assets import asset_names
from deepart_assets.assets.left_out import left_out_files
from deepart_assets.assets.restoration import painting_stages
from deepart_assets.assets.scene_completions import credit_in
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import Painting, StageContext, StageSpec
from deepart_assets.reports import report_json
from deepart_assets.reports.gallery import GalleryRow, gallery_html
from deepart_assets.settings import Settings
from deepart_assets.storage import RecordIndex, StageResult, sha256_of_json

LISTED = 50
"""Rows of the table of left out files in the UI."""


def gallery_assets(settings: Settings) -> list[PipelineAssetSpec]:
    """Return the gallery for the outpainters that the profile names."""
    names = list(settings.outpainters)

    @data_asset(
        settings=lambda settings: {"outpainters": list(settings.outpainters)},
        group="gallery",
        deps=[asset_names.STYLED_PAINTINGS],
        painting_deps=[asset_names.SUBJECT_MASKS, asset_names.RESTORATION_SHEETS],
        kinds={"html"},
    )
    def gallery(context: StageContext) -> StageSpec:
        """All paintings on one HTML page: the sheet, links to the full pictures, and for those that
        are not restored the reason. Open `gallery/index.html` of the data lake in a browser.
        """

        def make() -> StageResult:
            rows = [_row(painting, names) for painting in context.paintings.values()]
            for each in unused:
                context.log.warning(f"left out: {each.file} {each.reason}: {each.remedy}")
            restored = sum(row.sheet is not None for row in rows)
            return StageResult(
                {
                    "gallery/index.html": gallery_html("Deep Art gallery", rows, unused),
                    asset_names.report_path(asset_names.GALLERY): report_json(
                        _figures(row) for row in rows
                    ),
                },
                {
                    "paintings": len(rows),
                    "restored": restored,
                    "doubtful": sum(row.doubt is not None for row in rows),
                    "left_out": len(rows) - restored,
                    "left_out_files": [each._asdict() for each in unused[:LISTED]] or None,
                },
            )

        masks = RecordIndex(context.store, asset_names.SUBJECT_MASKS)
        records = ((key, masks.get(key)) for key in context.paintings)
        doubts = {f"doubt/{key}": each.doubt for key, each in records if each and each.doubt}
        unused = left_out_files(context.store, context.paintings)
        inputs = {"left_out": sha256_of_json(unused)} if unused else {}
        return StageSpec(make, inputs={**doubts, **inputs})

    return [gallery]


def _row(painting: Painting, outpainters: list[str]) -> GalleryRow:
    store = painting.store
    mask = store.done(asset_names.SUBJECT_MASKS, painting.id)
    sheet = store.get(asset_names.RESTORATION_SHEETS, painting.id)
    made = sheet if sheet is not None and sheet.status == "done" else None
    results = {
        caption: record.path
        for name in outpainters
        for caption, asset in (
            (name, asset_names.outpaintings(name)),
            (f"{name}, ×4", asset_names.upscaled(name)),
        )
        if (record := store.done(asset, painting.id)) is not None
    }
    return GalleryRow(
        id=painting.id,
        caption=painting.caption,
        style=painting.labels["style"],
        subject_share=mask.figures.get("subject_share") if mask else None,
        support=mask.figures.get("support") if mask else None,
        sheet=made.path if made else None,
        reason=_reason(painting, outpainters),
        doubt=mask.doubt if mask else None,
        picture=mask.figures.get("preview") if mask else None,
        results=results if made else {},
        grounds={
            name: credit
            for name in outpainters
            if made
            and (credit := credit_in(store.done(asset_names.outpaintings(name), painting.id)))
        },
    )


def _reason(painting: Painting, outpainters: list[str]) -> str | None:
    """Say why there is no sheet, or only an old one: the first stage that skipped or failed."""
    for asset in painting_stages(outpainters).values():
        record = painting.store.get(asset, painting.id)
        if record is not None and record.status != "done":
            verb = "" if record.status == "skipped" else f"{asset} failed: "
            return f"{verb}{record.reason}"
    return None


def _figures(row: GalleryRow) -> dict[str, object]:
    return {
        "name": row.id,
        "restored": row.sheet is not None,
        "subject_share": row.subject_share,
        "reason": row.reason,
        "doubt": row.doubt,
    }
