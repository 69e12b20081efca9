"""WikiArt SR: the paintings that the super-resolution network learns from, and their split."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets import asset_names
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import (
    PictureFile,
    encode_jpeg,
    fit_within,
    grouped_mosaic,
    mosaic,
    preview_uri,
    resize,
)
from deepart_assets.imaging.borders import Box
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.context import MOSAIC_SIZE, StageContext, StageSpec
from deepart_assets.reports.data_set import RejectedGroup, RejectedRow, data_set_html
from deepart_assets.settings import Settings
from deepart_assets.settings.super_resolution import DriveSR, RuledSR
from deepart_assets.storage import StageResult
from deepart_assets.wikiart.annotations import OPTIONAL
from deepart_assets.wikiart.catalogue import from_parquet, to_parquet
from deepart_assets.wikiart.sources import open_source
from deepart_assets.wikiart.sr.archive import take_archive
from deepart_assets.wikiart.sr.measuring import BOX, measure_paintings
from deepart_assets.wikiart.sr.selection import RULES, Selection, large_enough, select
from deepart_assets.wikiart.sr.split import SPLITS
from deepart_assets.work import in_parallel

if TYPE_CHECKING:
    import pandas

CHOSEN = f"{asset_names.WIKIART_SR}/paintings.parquet"
REJECTED = f"{asset_names.WIKIART_SR}/rejected.parquet"
SHEET = f"{asset_names.WIKIART_SR}/chosen.jpg"
PAGE = f"{asset_names.WIKIART_SR}/index.html"

CELL = 132
"""Width of a painting on the sheet, pixels."""

ON_SHEET = 2800
"""Paintings of each split on the sheet: a JPEG is at most 65,500 pixels high."""

EXAMPLES = 12
"""Rejected paintings shown with their picture, for each rule."""

LISTED = 200
"""Rejected paintings listed on the page, for each rule; the table has all."""


def wikiart_sr_asset(settings: Settings) -> PipelineAssetSpec:
    """Return the asset: made from the catalogue, or from the original notebook's archive alone."""
    choice = settings.super_resolution.data_set
    by_rule = isinstance(choice, RuledSR)

    @data_asset(
        settings=lambda settings: settings.super_resolution.data_set.model_dump(mode="json"),
        group="super_resolution",
        deps=[asset_names.WIKIART_PAINTINGS] if by_rule else [],
        kinds={"parquet", "report"},
        code_version="2",
    )
    def wikiart_sr(context: StageContext) -> StageSpec:
        """The WikiArt SR data set: large, sharp, distinct paintings in train, valid and test.

        By rule: paintings whose smaller side is large enough without the borders of the scan, with
        a true resolution (no enlarged scans), without JPEG's blocks and large blank areas; of
        near-duplicates the best; balanced over styles and artists. The split follows from a hash
        of the artist's name: adding a painting never moves another one, and no artist is on two
        sides. Or the original notebook's archive from Google Drive, unchanged.

        `wikiart_sr/paintings.parquet` has the paintings, `rejected.parquet` the others and why
        not; open `wikiart_sr/index.html` in a browser to see both.
        """
        chosen = context.settings.super_resolution.data_set

        def make() -> StageResult:
            if isinstance(chosen, RuledSR):
                return _by_rule(context, chosen)
            return _from_archive(context, chosen)

        return StageSpec(make)

    return wikiart_sr


def _by_rule(context: StageContext, choice: RuledSR) -> StageResult:
    catalogue = from_parquet(context.read(asset_names.WIKIART_PAINTINGS))
    # No training depends on what somebody takes for a subject, or on a licence.
    catalogue = catalogue.drop(columns=list(OPTIONAL), errors="ignore")
    candidates = large_enough(catalogue, choice.minimal_side)
    measured, decoded = measure_paintings(
        candidates, context.original, context.lake, context.log.info
    )
    selection = select(measured, choice)
    usable = int((catalogue["status"] == "ok").sum())
    facts = [
        f"Of {usable} paintings of the catalogue {len(candidates)} have a smaller side of"
        f" {choice.minimal_side} pixels or more. Of these {len(selection.chosen)} are chosen.",
        f"Least true resolution {choice.minimal_resolution:g}, blockiness at most"
        f" {choice.maximal_blockiness:g}, blank at most {choice.maximal_blank:g}, near-duplicates"
        f" up to {choice.near_duplicate} of 64 bits, split {list(choice.split)} with the seed"
        f" {choice.split_seed}.",
    ]
    counts = {
        "too_small": usable - len(candidates),
        "candidates": len(candidates),
        "decoded_now": decoded,
    }
    pages, figures = _shown(context, selection, facts)
    return StageResult({**_tables(selection), **pages}, {**figures, **counts})


def _from_archive(context: StageContext, choice: DriveSR) -> StageResult:
    source = open_source("wikiart_sr", choice, context.downloads, "super_resolution.data_set")
    taken = take_archive(source, context.log.info)
    facts = [
        f"{source.origin}, as it is: {len(taken.pictures)} pictures, the split by its folders.",
        f"{len(taken.selection.rejected)} pictures cannot be read, {taken.elsewhere} lie in none"
        " of the three folders.",
    ]
    figures: dict[str, Any] = {"elsewhere": taken.elsewhere}

    def files() -> Iterator[tuple[str, bytes]]:
        yield from _tables(taken.selection).items()
        for path, picture in taken.pictures.items():
            yield path, picture.read()
        # The sheet is made of the pictures in the lake.
        pages, more = _shown(context, taken.selection, facts)
        yield from pages.items()
        figures.update(more)

    return StageResult(files(), figures)


def _tables(selection: Selection) -> dict[str, bytes]:
    return {CHOSEN: to_parquet(selection.chosen), REJECTED: to_parquet(selection.rejected)}


# --- what people see -----------------------------------------------------------------------------


def _shown(
    context: StageContext, selection: Selection, facts: Sequence[str]
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the sheet and the page, and the figures for the UI."""
    chosen, rejected = selection.chosen, selection.rejected
    on_sheet = chosen.groupby("split").head(ON_SHEET)
    thumbnails = _thumbnails(context, on_sheet)
    counts = {split: int((chosen["split"] == split).sum()) for split in SPLITS}
    groups = []
    for split, count in counts.items():
        rows = on_sheet[on_sheet["split"] == split]
        captions = rows["artist"].where(rows["artist"] != "", rows["id"])
        captioned = zip(captions, rows["id"], strict=True)
        cells = [(caption, thumbnails[painting]) for caption, painting in captioned]
        hidden = f", {count - len(rows)} of them not shown" if count > len(rows) else ""
        groups.append((f"{split}: {count}{hidden}", cells))
    styles = chosen.assign(style=chosen["style"].replace("", "(no style)"))
    by_style = styles.groupby(["style", "split"]).size().unstack(fill_value=0)
    style_rows = [
        {"style": style, **{split: int(row.get(split, 0)) for split in SPLITS}}
        for style, row in by_style.iterrows()
    ]
    by_rule = {title: rejected[rejected["rule"] == rule] for rule, title in RULES.items()}
    rule_rows = [
        {"reason": title, "paintings": len(rows)} for title, rows in by_rule.items() if len(rows)
    ]
    page = data_set_html(
        title="WikiArt SR",
        facts=facts,
        sheet=SHEET.rsplit("/", 1)[1],
        tables={"By style": style_rows, "Rejected": rule_rows},
        rejected=[_group(context, rows, title) for title, rows in by_rule.items() if len(rows)],
    )
    pages = {SHEET: encode_jpeg(grouped_mosaic(groups, CELL)), PAGE: page}
    return pages, {
        "preview": preview_uri(mosaic(list(thumbnails.values())[:MOSAIC_SIZE]), 960),
        **counts,
        "rejected": rule_rows or None,
        "styles": style_rows,
    }


def _group(context: StageContext, rejected: "pandas.DataFrame", title: str) -> RejectedGroup:
    pictures = _thumbnails(context, rejected[rejected["path"] != ""].head(EXAMPLES))
    rows = [
        RejectedRow(
            id=row["id"],
            caption=", ".join(filter(None, (row["artist"], row["title"]))) or row["file"],
            reason=row["reason"],
            picture=preview_uri(pictures[row["id"]], CELL) if row["id"] in pictures else None,
        )
        for row in rejected.head(LISTED).to_dict("records")
    ]
    return RejectedGroup(title, len(rejected), rows)


def _thumbnails(context: StageContext, table: "pandas.DataFrame") -> dict[str, NDArray[np.uint8]]:
    """Return small pictures without borders by id; grey ones of pictures that cannot be read."""
    pictures = in_parallel(partial(_thumbnail, context), table.to_dict("records"))
    return dict(zip(table["id"], pictures, strict=True))


def _thumbnail(context: StageContext, row: Mapping[Any, Any]) -> NDArray[np.uint8]:
    try:
        seen = PictureFile(context.lake.read(row["path"]), row["path"]).reduced(2 * CELL)
    except (PaintingError, FileNotFoundError):
        return np.full((CELL, CELL, 3), 224, np.uint8)
    box = Box(*(int(row.get(side, 0)) for side in BOX))
    if box.right <= box.left:  # not measured
        box = Box(0, 0, seen.width, seen.height)
    across, down = seen.picture.shape[1] / seen.width, seen.picture.shape[0] / seen.height
    inside = Box(
        round(box.left * across),
        round(box.top * down),
        max(1, round(box.right * across)),
        max(1, round(box.bottom * down)),
    ).of(seen.picture)
    # A reduced picture has its aspect only about.
    return resize(inside, *fit_within(box.bottom - box.top, box.right - box.left, CELL))
