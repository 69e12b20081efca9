"""The gallery: the paintings as static pages for curators and visitors."""

from collections.abc import Iterator, Mapping

from deepart_assets import asset_names
from deepart_assets.assets.scene_completions import credit_in
from deepart_assets.desk.export import Gallery, remove_unlisted
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.reports import report_json
from deepart_assets.storage import MaterializationRecord, StageResult
from deepart_assets.wikiart.left_out import left_out_files

LISTED = 50
"""Rows of the table of left out files in the UI."""


@data_asset(
    settings=lambda settings: {"outpainters": list(settings.outpainters)},
    group="gallery",
    deps=[asset_names.STYLED_PAINTINGS],
    painting_deps=[
        asset_names.SUBJECT_MASKS,
        asset_names.RESTORATION_SHEETS,
        asset_names.CHOSEN_RESTORATIONS,
    ],
    kinds={"report"},
    code_version="2",
    is_followed=True,
    after=lambda _, context: remove_unlisted(context.store),
)
def gallery(context: StageContext) -> StageSpec:
    """All paintings as static pages: a wall with search, and for each painting a page that
    compares it with its restorations, or says why there are none. Open `gallery/index.html` of
    the data lake in a browser. Only what has changed is written.
    """
    names = list(context.settings.outpainters)

    def facts(records: Mapping[str, MaterializationRecord]) -> dict[str, str]:
        mask = records.get(asset_names.SUBJECT_MASKS)
        figures = mask.figures if mask is not None else {}
        found: dict[str, str] = {}
        if (share := figures.get("subject_share")) is not None:
            found["subject"] = f"{share:.0%} of the picture"
        if support := figures.get("support"):
            found["support"] = str(support)
        for name in names:
            if credit := credit_in(records.get(asset_names.outpaintings(name))):
                found[f"ground of {name}"] = credit
        return found

    unused = left_out_files(context.store, context.paintings)
    written = Gallery(context.store, names, unused, facts, context.log.warning)

    def files() -> Iterator[tuple[str, bytes]]:
        yield from written.write()
        rows = (
            {"name": row.listed.id, "status": row.statuses[0], "reason": row.reason or None}
            for row in written.rows
        )
        yield asset_names.report_path(asset_names.GALLERY), report_json(rows)

    def make() -> StageResult:
        for each in unused:
            context.log.warning(f"left out: {each.file} {each.reason}: {each.remedy}")
        return StageResult(
            files(),
            {
                "paintings": len(written.rows),
                **written.counts["status"],
                "left_out_files": [each._asdict() for each in unused[:LISTED]] or None,
            },
        )

    return StageSpec(make, inputs={"pages": written.version})
