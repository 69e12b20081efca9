"""The paintings and their catalogues: WikiArt's and those of the inbox."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from deepart_assets.assets.styles import style_assets
from deepart_assets.orchestration.asset_factory import data_asset
from deepart_assets.orchestration.asset_spec import PipelineAssetSpec
from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.context import StageContext, StageSpec
from deepart_assets.settings import Settings
from deepart_assets.storage import MaterializationRecord, StageResult, sha256_of
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    counted,
    read_cache,
    to_parquet,
    unread,
)
from deepart_assets.wikiart.examine import INSPECTION_VERSION
from deepart_assets.wikiart.naming import INBOX, WIKIART, Collection
from deepart_assets.wikiart.originals import copy_originals, lost_copies
from deepart_assets.wikiart.sources import Source, open_inbox, open_sources


def wikiart_assets(settings: Settings, stages: Sequence[str]) -> list[PipelineAssetSpec]:
    """Return the wikiart group; `stages` are the assets of each painting on its list."""
    return [wikiart_paintings, inbox_paintings, *style_assets(settings, stages)]


SHOWN = 50
"""Rows of a table in the UI."""


def _unreadable(record: MaterializationRecord) -> str | None:
    quarantined = record.figures["quarantined"]
    return f"{quarantined} pictures are quarantined; see the table" if quarantined else None


READABLE = Check(
    "readable",
    "Every picture can be used; those that cannot are quarantined with a reason and left out.",
    _unreadable,
    dg.AssetCheckSeverity.WARN,
)


@data_asset(
    group="wikiart",
    settings=lambda settings: settings.wikiart.model_dump(mode="json", include={"sources"}),
    kinds={"parquet"},
    code_version="7",  # 7: the rows of names such as 29.100.1
    checks=[READABLE],
)
def wikiart_paintings(context: StageContext) -> StageSpec:
    """The paintings of the profile's sources and their catalogue.

    A copy of every usable picture, byte for byte, and a parquet table with a row for each picture:
    id, file, sha256, perceptual hash, size, colour space, warning, artist, title, style, genre,
    date, source, status and, for a quarantined one, the reason. Pictures that have not changed are
    neither read nor decoded again, and an interrupted run resumes.
    """
    sources = open_sources(context.settings.wikiart.sources, context.downloads)
    return _catalogued(context, WIKIART, sources)


@data_asset(
    group="wikiart",
    settings=lambda settings: settings.inbox.model_dump(mode="json"),
    kinds={"parquet"},
    code_version="6",  # 6: likewise
    checks=[READABLE],
)
def inbox_paintings(context: StageContext) -> StageSpec:
    """The paintings in the inbox and their catalogue, like that of WikiArt.

    All of them are restored, whatever their style; labels, and what the subject is, come from a
    CSV beside them where there is one. The super-resolution data set does not see them: it is
    WikiArt's.
    """
    source = open_inbox(context.settings.inbox, context.lake)
    return _catalogued(context, INBOX, [source])


def _catalogued(
    context: StageContext, collection: Collection, sources: Sequence[Source]
) -> StageSpec:
    lake, report = context.lake, context.log.info
    previous = read_cache(lake, collection.catalogue)

    def make() -> StageResult:
        build = build_catalogue(
            sources,
            previous,
            StampedCache(lake, collection.inspections, INSPECTION_VERSION),
            report=report,
            name=collection.folder,
        )
        build, copied = copy_originals(build, lake, report, collection)
        table = build.catalogue
        is_ok = table["status"] == "ok"
        bad = table.loc[~is_ok, ["file", "source", "reason"]]
        doubtful = table.loc[is_ok & (table["warning"] != ""), ["file", "source", "warning"]]
        for _, source, reason in bad.head(SHOWN).itertuples(index=False):
            context.log.warning(f"left out: {source}/{reason}")
        ignored = [*build.csv_warnings, *build.ignored.items()][:SHOWN]
        for file, reason in ignored:
            context.log.warning(f"left out: {file} {reason}")
        for file, _, warning in doubtful.head(SHOWN).itertuples(index=False):
            context.log.warning(f"{file}: {warning}")
        return StageResult(
            {collection.catalogue: to_parquet(table)},
            {
                "preview": context.mosaic(f"{collection.folder}/" + table.loc[is_ok, "file"]),
                "pictures": len(table),
                "ok": int(is_ok.sum()),
                "quarantined": len(bad),
                "duplicates": build.duplicates,
                "decoded_now": build.decoded,
                "copied_now": copied,
                "csv_rows_without_picture": build.csv_rows_without_picture,
                "pictures_without_csv_row": build.pictures_without_csv_row,
                "sources": [counted(table, source.name) for source in sources],
                "ignored_files": len(build.ignored),
                "ignored": [{"file": file, "reason": reason} for file, reason in ignored] or None,
                "warnings": doubtful.head(SHOWN).to_dict("records") or None,
                "quarantine": bad.head(SHOWN).to_dict("records") or None,
            },
        )

    inputs = {"sources": _state(sources)}
    if previous is not None:
        lost = lost_copies(previous, lake, collection)
        if lost:  # copies removed from the lake or altered there are replaced
            inputs["lost"] = f"{len(lost)} copies, {sha256_of(json.dumps(lost).encode())}"
        if unread(previous):  # retry a failing disk or network each time
            inputs["unread"] = datetime.now(UTC).isoformat()
    return StageSpec(make, inputs=inputs)


def _state(sources: Sequence[Source]) -> str:
    """Hash all that is known of the sources without reading a picture."""
    now = datetime.now(UTC).isoformat()  # without stamps changes cannot be seen: check each time
    state = hashlib.sha256()
    for source in sources:
        seen = [(picture.path, picture.stamp or now) for picture in source.pictures]
        csv = None if source.csv is None else sha256_of(source.csv)
        state.update(json.dumps([source.name, csv, list(source.ignored), seen]).encode())
    return state.hexdigest()
