"""Builds the catalogue: a row for each picture; unusable ones and duplicates are quarantined."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from deepart_assets.storage import Lake
from deepart_assets.storage.stamped_cache import StampedCache
from deepart_assets.wikiart.annotations import ANNOTATED, OPTIONAL, annotate
from deepart_assets.wikiart.clashes import ids_by_folder, refuse_clashes
from deepart_assets.wikiart.examine import inspect_all
from deepart_assets.wikiart.naming import (
    INBOX,
    WIKIART,
    name_refusal,
    painting_id,
    shown,
    stem_and_suffix,
)
from deepart_assets.wikiart.sources import Picture, Source

if TYPE_CHECKING:
    import pandas

COLUMNS = [
    "id", "file", "sha256", "phash", "width", "height", "colour", "warning",
    *ANNOTATED, *OPTIONAL,
    "source", "status", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Build:
    """A catalogue, and how it was built."""

    catalogue: "pandas.DataFrame"
    pictures: tuple[Picture, ...]
    """The file behind each row."""
    inspection_cache: StampedCache
    """For the next build."""
    duplicates: int
    """Quarantined because another file has the same bytes."""
    decoded: int
    """Pictures decoded in this build."""
    csv_rows_without_picture: int
    pictures_without_csv_row: int
    ignored: Mapping[str, str]
    """Why files that are neither pictures nor the CSV are left out, by source/path."""
    csv_warnings: tuple[tuple[str, str], ...]
    """What could not be read of the CSVs: which one, and why."""


def build_catalogue(
    sources: Sequence[Source],
    previous: "pandas.DataFrame | None" = None,
    inspection_cache: StampedCache | None = None,
    *,
    report: Callable[[str], object] = lambda message: None,
    name: str = WIKIART.folder,
) -> Build:
    """Catalogue the pictures of some sources.

    A picture whose stamp in the cache is unchanged is not read again; a picture with known content
    is read but not decoded. Memory is bounded (`work.MemoryBudget`).

    Each row has: `id` (`naming.painting_id`), `file` (its name in the lake; of a quarantined one,
    its path in the source), `sha256` of the original bytes, `phash` (`imaging.perceptual_hash`, 16
    hexadecimal digits), `width` and `height` in pixels after the EXIF orientation, `colour` (the
    colour space it was taken to be in) and `warning` (what may be wrong with it), `artist`,
    `title`, `style`, `genre` and `date` ("" if unknown), `subject`, `licence` and `prompt` if any
    CSV has them, `source` (its name in the profile), `status` ("ok" or "quarantined") and `reason`.
    Rows are sorted by id. A picture that was not read or decoded has size 0 and no hash. The format
    is detected from the content, not the suffix.

    "ok" rows have distinct bytes and ids. Ids are compared without case, since the lake may be on a
    case-insensitive file system. Of rows that clash, the one that was "ok" in `previous` with this
    file name and these bytes is kept, else that of the first source, else the first path.

    Args:
        sources: The sources in the profile's order, the pictures of each sorted by path.
        previous: The catalogue of the last build.
        inspection_cache: The inspections of earlier builds; new ones are added and saved.
        report: Receives a progress line every few seconds.
        name: The start of these lines.

    """
    import pandas as pd

    annotations = [annotate(source) for source in sources]
    pictures = [picture for source in sources for picture in source.pictures]
    names = [source.name for source in sources for _ in source.pictures]
    ids = [painting_id(picture.path) for picture in pictures]
    cache = inspection_cache if inspection_cache is not None else StampedCache()
    reasons = [name_refusal(picture.path, key) for picture, key in zip(pictures, ids, strict=True)]
    seen, decoded = inspect_all(sources, reasons, cache, report=report, name=name)

    table = pd.concat([each.table for each in annotations], ignore_index=True).fillna("")
    table["id"] = ids
    for column in ("sha256", "phash", "width", "height", "reason", "colour", "warning"):
        table[column] = [getattr(inspection, column) for inspection in seen]
    table["source"] = names
    paths = [picture.path for picture in pictures]
    table["id"] = ids_by_folder(table, paths, previous)
    table["file"] = [
        key + stem_and_suffix(path)[1] for key, path in zip(table["id"], paths, strict=True)
    ]
    texts = [column for column in COLUMNS if column in table.columns]
    table = table.astype({**dict.fromkeys(texts, "str"), "width": "int32", "height": "int32"})
    doubles = refuse_clashes(table, paths, previous)
    table["status"] = np.where(table["reason"] == "", "ok", "quarantined")

    bad = table["status"] != "ok"
    table["file"] = table["file"].where(~bad, [shown(path) for path in paths])
    order = table.assign(bad=bad, at=range(len(table))).sort_values(["id", "bad", "file", "at"])
    columns = [name for name in COLUMNS if name in table.columns]
    catalogue = table.loc[order.index, columns].reset_index(drop=True)
    return Build(
        catalogue,
        tuple(pictures[at] for at in order["at"]),
        cache,
        duplicates=doubles,
        decoded=decoded,
        csv_rows_without_picture=sum(each.rows_without_picture for each in annotations),
        pictures_without_csv_row=sum(each.pictures_without_row for each in annotations),
        csv_warnings=tuple(
            (f"CSV of {source.name}", text)
            for source, each in zip(sources, annotations, strict=True)
            for text in each.warnings
        ),
        ignored={
            f"{source.name}/{path}": reason
            for source in sources
            for path, reason in source.ignored.items()
        },
    )


def without(build: Build, refused: Mapping[int, str]) -> Build:
    """Return the build with some rows quarantined as unread, given their reasons by row number."""
    if not refused:
        return build
    catalogue = build.catalogue.copy()
    rows = list(refused)
    catalogue.loc[rows, "status"] = "quarantined"
    catalogue.loc[rows, ["sha256", "phash", "colour", "warning"]] = ""
    catalogue.loc[rows, ["width", "height"]] = 0
    catalogue.loc[rows, "reason"] = list(refused.values())
    catalogue.loc[rows, "file"] = [shown(build.pictures[row].path) for row in rows]
    return replace(build, catalogue=catalogue)


def unread(catalogue: "pandas.DataFrame") -> int:
    """Count the pictures that could not be read and have valid names."""
    unseen = catalogue.loc[catalogue["sha256"] == "", "id"]
    return sum(not name_refusal("", key) for key in unseen)


def counted(catalogue: "pandas.DataFrame", source: str) -> dict[str, str | int]:
    """Return a row for a source: its name, and how many pictures it has, ok and quarantined."""
    status = catalogue.loc[catalogue["source"] == source, "status"]
    ok = int((status == "ok").sum())
    return {"name": source, "pictures": len(status), "ok": ok, "quarantined": len(status) - ok}


def to_parquet(table: "pandas.DataFrame") -> bytes:
    """Return a table as Parquet; equal tables give equal bytes. The index is left out."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def from_parquet(data: bytes) -> "pandas.DataFrame":
    """Return the table that `to_parquet` wrote."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data), engine="pyarrow")


def read_cache(lake: Lake, path: str) -> "pandas.DataFrame | None":
    """Return a table of the lake, or None where there is none or it is damaged."""
    try:
        return from_parquet(lake.read(path))
    except (OSError, ValueError):
        return None


def quarantined(lake: Lake) -> Iterator[tuple[str, str, str]]:
    """Yield source, file and reason of each file that the last catalogues could not use."""
    for collection in (INBOX, WIKIART):
        table = read_cache(lake, collection.catalogue)
        if table is not None:
            bad = table.loc[table["status"] != "ok", ["source", "file", "reason"]]
            yield from bad.itertuples(index=False, name=None)
