"""WikiArt: the paintings and the choice of those to restore.

Belongs here: what the two catalogue assets are made from. Does not belong here: downloading,
decoding, filtering (`wikiart`).
"""

import hashlib
import json
from datetime import UTC, datetime

import dagster as dg

from deepart_assets.orchestration.checks import Check
from deepart_assets.orchestration.factory import PAINTINGS, data_asset
from deepart_assets.orchestration.studio import Stage, Studio
from deepart_assets.reports import bar_plot, report_json
from deepart_assets.settings.profile import cache_folder
from deepart_assets.storage import Made, Record
from deepart_assets.wikiart.catalogue import (
    build_catalogue,
    copy_pictures,
    from_parquet,
    to_parquet,
)
from deepart_assets.wikiart.sources import Source, open_source
from deepart_assets.wikiart.styles import filter_styles, style_counts


def wikiart_assets() -> list[dg.AssetsDefinition]:
    """Return the wikiart group."""
    return [wikiart_paintings, styled_paintings]


def _unreadable(record: Record) -> str | None:
    quarantined = record.figures["quarantined"]
    return f"{quarantined} pictures are quarantined; see the table" if quarantined else None


@data_asset(
    group="wikiart",
    kinds={"parquet"},
    checks=[
        Check(
            "readable",
            "Every picture of the source can be decoded; those that cannot are quarantined with a"
            " reason and left out.",
            _unreadable,
            dg.AssetCheckSeverity.WARN,
        )
    ],
)
def wikiart_paintings(studio: Studio) -> Stage:
    """The paintings of the profile's source and their catalogue.

    A copy of every readable picture, byte for byte, and a parquet table with a row for each
    picture: id, file, sha256, size, artist, title, style, genre, date, status and, for a
    quarantined one, the reason. Pictures that did not change are not decoded again.
    """
    choice = studio.settings.wikiart.source
    source = open_source(choice, cache_folder())
    previous = studio.ledger.done("wikiart_paintings")
    known = from_parquet(studio.lake.read(previous.path)) if previous is not None else None

    def make() -> Made:
        stamps = studio.lake.read_json(previous.files[1].path) if previous is not None else {}
        build = build_catalogue(source, known, stamps)
        copy_pictures(source, build.catalogue, studio.lake)
        is_ok = build.catalogue["status"] == "ok"
        good, bad = build.catalogue[is_ok], build.catalogue[~is_ok]
        counts = build.counts
        return Made(
            {
                "wikiart_paintings/catalogue.parquet": to_parquet(build.catalogue),
                "wikiart_paintings/stamps.json": json.dumps(build.stamps).encode(),
            },
            {
                "preview": studio.glance(good["file"]),
                "pictures": counts.pictures,
                "ok": counts.ok,
                "quarantined": counts.quarantined,
                "decoded_now": counts.decoded,
                "csv_rows_without_picture": counts.csv_rows_without_picture,
                "pictures_without_csv_row": counts.pictures_without_csv_row,
                "quarantine": bad[["file", "reason"]].head(50).to_dict("records") or None,
            },
        )

    inputs = {"source": _state(source)}
    if known is not None:
        held = {path.rsplit("/", 1)[1] for path in studio.lake.list("wikiart_paintings")}
        lost = sorted(set(known[known["status"] == "ok"]["file"]) - held)
        if lost:  # copies that somebody removed from the lake are made again
            inputs["lost"] = ", ".join(lost)
    return Stage(make, settings=choice.model_dump(mode="json"), inputs=inputs)


def _state(source: Source) -> str:
    """Hash what can be seen of a source without reading it."""
    now = datetime.now(UTC).isoformat()  # without a stamp a change cannot be seen: look each time
    seen = [(picture.path, picture.stamp or now) for picture in source.pictures]
    return hashlib.sha256(json.dumps(seen).encode() + (source.csv or b"")).hexdigest()


def _publish_partitions(context: dg.AssetExecutionContext, studio: Studio) -> None:
    """Make the partition keys those of the list, in its order at the end of the known ones."""
    name = str(PAINTINGS.name)
    known = context.instance.get_dynamic_partitions(name)
    listed = list(studio.paintings)
    context.instance.add_dynamic_partitions(name, [key for key in listed if key not in known])
    for key in set(known) - set(listed):
        context.instance.delete_dynamic_partition(name, key)


@data_asset(
    group="wikiart", deps=["wikiart_paintings"], kinds={"parquet"}, after=_publish_partitions
)
def styled_paintings(studio: Studio) -> Stage:
    """The paintings to restore: those of the profile's styles.

    Style names are compared without case and surrounding space; a style that no painting has is
    refused with the nearest known names. Each painting listed becomes a partition of the
    restoration assets, and one that is listed no longer loses it.
    """
    choice = studio.settings.styled_paintings

    def make() -> Made:
        catalogue = from_parquet(studio.read("wikiart_paintings"))
        kept = filter_styles(catalogue, choice)
        counts = style_counts(catalogue, kept).to_dict("records")
        bars = {row["style"]: {part: row[part] for part in ("kept", "dropped")} for row in counts}
        report = [
            {"name": row["style"], "kept": int(row["kept"]), "dropped": int(row["dropped"])}
            for row in counts
        ]
        return Made(
            {
                "styled_paintings/paintings.parquet": to_parquet(kept),
                "reports/styled_paintings.json": report_json(report),
            },
            {
                "preview": studio.glance(kept["file"]),
                "kept": len(kept),
                "dropped": len(catalogue) - len(kept),
                "styles": report,
                "plot": bar_plot("Paintings by style", bars),
            },
        )

    return Stage(make, settings=choice.model_dump(mode="json"))
