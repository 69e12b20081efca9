"""The catalogue: one row a picture, each decoded once, the bad ones set apart with the reason.

Belongs here: looking into pictures, joining the CSV, copying originals into the lake, and the
Parquet form of tables. Does not belong here: choosing paintings (`styles`, `selection`).
"""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from deepart_assets.errors import PaintingError, SettingsError
from deepart_assets.imaging import decode_rgb
from deepart_assets.storage import Lake, sha256_of
from deepart_assets.wikiart.naming import LONGEST_ID, lake_name, painting_id, shown
from deepart_assets.wikiart.sources import Picture, Source

if TYPE_CHECKING:
    import pandas

FOLDER = "wikiart_paintings"
"""The lake's folder of original pictures."""

FROM_CSV = ("artist", "title", "style", "genre", "date", "source")
COLUMNS = ["id", "file", "sha256", "width", "height", *FROM_CSV, "status", "reason"]
KEY = "new_filename"
"""The column of Kaggle's all_data_info.csv that names the picture's file."""

WORKERS = min(4, os.cpu_count() or 1)
"""Pictures in memory at a time. Decoding and hashing leave Python's lock to others."""


@dataclass(frozen=True)
class Counts:
    """What a build found and did."""

    pictures: int
    ok: int
    quarantined: int
    decoded: int
    """Pictures that were really decoded now."""
    csv_rows_without_picture: int
    pictures_without_csv_row: int


@dataclass(frozen=True)
class Build:
    """A catalogue, and what makes the next build quick."""

    catalogue: "pandas.DataFrame"
    stamps: dict[str, str]
    """The source's stamp of each path whose row can be taken over unread next time."""
    counts: Counts


@dataclass(frozen=True)
class _Look:
    """What looking at one picture gave. An empty hash: not to be taken over next time."""

    sha256: str = ""
    width: int = 0
    height: int = 0
    reason: str = ""
    decoded: bool = False


def build_catalogue(
    source: Source,
    previous: "pandas.DataFrame | None" = None,
    stamps: Mapping[str, str] | None = None,
) -> Build:
    """Catalogue the pictures of a source.

    A picture whose stamp is that of `stamps` is not read again, one whose hash is that of the
    previous row is read but not decoded. At most `WORKERS` pictures are in memory at a time.

    Each row has: `id` (`naming.painting_id`), `file` (its name in the lake), `sha256` of the
    original bytes, `width` and `height` in pixels after the EXIF orientation, the CSV's `artist`,
    `title`, `style`, `genre`, `date` and `source` ("" where there are none), `status` ("ok" or
    "quarantined") and `reason`. Rows are sorted by id; the ids of the "ok" rows are unique without
    regard to case, since a lake may be on a file system that ignores it: of two that clash the
    one whose path sorts first stays, the other is quarantined unread. Size 0 and no hash stand
    where a picture was not read or not decoded. The format is told by content, not by suffix.

    Without any CSV, a picture's `style` is the name of the folder it lies in, as in the seed's
    archive; at the top of the source it is "".

    Args:
        source: The pictures, sorted by path.
        previous: The catalogue of the last build.
        stamps: The stamps of the last build.

    Raises:
        SettingsError: The CSV is not UTF-8 or lacks the column `new_filename`.
    """
    import pandas as pd

    records = None if source.csv is None else _Records(source.csv, source.name)
    known = {} if previous is None else _known(previous)
    unread = dict(stamps or {})

    def examine(item: tuple[Picture, str]) -> _Look:
        picture, refusal = item
        if refusal:
            return _Look(reason=refusal)
        row = known.get(lake_name(picture.path))
        unchanged = picture.stamp is not None and unread.get(shown(picture.path)) == picture.stamp
        return row if row is not None and unchanged else _look(picture, row)

    items = list(zip(source.pictures, _refusals(source), strict=True))
    with ThreadPoolExecutor(WORKERS) as pool:
        looks = list(pool.map(examine, items))

    rows, new_stamps = [], {}
    for (picture, _), look in zip(items, looks, strict=True):
        row = records.of(picture.path) if records else _from_folder(picture.path)
        file = lake_name(picture.path)
        status = "quarantined" if look.reason else "ok"
        rows.append(
            {**row, "id": painting_id(picture.path), "file": file, "sha256": look.sha256}
            | {"width": look.width, "height": look.height, "status": status, "reason": look.reason}
        )
        if look.sha256 and picture.stamp is not None:
            new_stamps[shown(picture.path)] = picture.stamp

    rows.sort(key=lambda row: (row["id"], row["status"] != "ok", row["file"]))
    catalogue = pd.DataFrame(rows, columns=COLUMNS).astype({"width": "int32", "height": "int32"})
    ok = int((catalogue["status"] == "ok").sum())
    return Build(
        catalogue,
        new_stamps,
        Counts(
            pictures=len(rows),
            ok=ok,
            quarantined=len(rows) - ok,
            decoded=sum(look.decoded for look in looks),
            csv_rows_without_picture=records.unused if records else 0,
            pictures_without_csv_row=records.missed if records else len(rows),
        ),
    )


def copy_pictures(source: Source, catalogue: "pandas.DataFrame", lake: Lake) -> tuple[int, int]:
    """Copy the original bytes of each "ok" picture to `wikiart_paintings/<file>` in the lake.

    A copy whose bytes have the catalogue's hash already is left alone and its source not read.

    Returns:
        How many were written and how many left alone.

    Raises:
        PaintingError: A picture changed after it was catalogued.
    """
    first: dict[str, Picture] = {}
    for picture in source.pictures:
        first.setdefault(lake_name(picture.path), picture)
    kept = catalogue[catalogue["status"] == "ok"]

    def copy(file: str, sha256: str) -> bool:
        path = f"{FOLDER}/{file}"
        try:
            if sha256_of(lake.read(path)) == sha256:
                return False
        except FileNotFoundError:
            pass
        data = first[file].read()
        if sha256_of(data) != sha256:
            raise PaintingError(
                f"{file} changed in {source.name} after it was catalogued: materialize"
                " wikiart_paintings again"
            )
        lake.write(path, data)
        return True

    with ThreadPoolExecutor(WORKERS) as pool:
        written = sum(pool.map(copy, kept["file"], kept["sha256"]))
    return written, len(kept) - written


def to_parquet(table: "pandas.DataFrame") -> bytes:
    """Return a table as Parquet; equal tables give equal bytes. The index is left out."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def from_parquet(data: bytes) -> "pandas.DataFrame":
    """Return the table that `to_parquet` wrote."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data), engine="pyarrow")


def _look(picture: Picture, known: _Look | None) -> _Look:
    name = shown(picture.path)
    try:
        data = picture.read()
    except OSError as error:
        return _Look(reason=f"{name} cannot be read ({error}): check the source")
    sha256 = sha256_of(data)
    if known is not None and known.sha256 == sha256:
        return known
    try:
        height, width = decode_rgb(data, name).shape[:2]
    except PaintingError as error:
        return _Look(sha256, reason=_stable(str(error)), decoded=True)
    except MemoryError:
        return _Look(reason=f"{name} does not fit into memory: free some", decoded=True)
    except Exception as error:
        # Decoders of odd formats raise anything on damaged data; the others must go on.
        reason = f"{name} cannot be decoded ({type(error).__name__}: {error}): replace the file"
        return _Look(sha256, reason=_stable(reason), decoded=True)
    return _Look(sha256, width, height, decoded=True)


def _stable(message: str) -> str:
    """Take out the memory addresses of Python objects that decoders put into their messages."""
    return re.sub(r" ?<[^<>]* at 0x[0-9a-f]+>", "", message)


def _known(previous: "pandas.DataFrame") -> dict[str, _Look]:
    """Return the rows that were read, by file; of clashing files only one was."""
    read = previous[previous["sha256"] != ""]
    columns = (read[name].tolist() for name in ("file", "sha256", "width", "height", "reason"))
    return {file: _Look(*look) for file, *look in zip(*columns, strict=True)}


def _refusals(source: Source) -> list[str]:
    """Return for each picture why it is quarantined by its name alone, or ""."""
    owners: dict[str, str] = {}
    reasons = []
    for picture in source.pictures:
        name, key = shown(picture.path), painting_id(picture.path)
        reason = ""
        if not key:
            reason = f"{name} has no letter or digit in its name: rename it"
        elif len(key.encode()) > LONGEST_ID:
            reason = f"{name} has a name of more than {LONGEST_ID} bytes: rename it"
        elif key.casefold() in owners:
            reason = (
                f"{name} would have the same id as {owners[key.casefold()]}: rename or remove one"
            )
        else:
            owners[key.casefold()] = name
        reasons.append(reason)
    return reasons


def _from_folder(path: str) -> dict[str, str]:
    return dict.fromkeys(FROM_CSV, "") | {"style": shown(PurePosixPath(path).parent.name)}


class _Records:
    """The CSV's rows by picture: by file name, else by stem (the seed turned JPEG into PNG)."""

    def __init__(self, data: bytes, where: str) -> None:
        try:
            reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
            columns = reader.fieldnames or []
            if KEY not in columns:
                raise SettingsError(
                    f"The CSV of {where} has no column {KEY!r} but {', '.join(columns) or 'none'}:"
                    " give it the columns of Kaggle's all_data_info.csv"
                )
            rows = [row for row in reader if row[KEY]]
        except (UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"The CSV of {where} cannot be read ({error}): save it as UTF-8"
            ) from error
        self._by_name: dict[str, int] = {}
        self._by_stem: dict[str, int] = {}
        for number, row in enumerate(rows):
            name = _plain(row[KEY])
            self._by_name.setdefault(name, number)
            self._by_stem.setdefault(PurePosixPath(name).stem, number)
        self._rows = [{name: (row.get(name) or "").strip() for name in FROM_CSV} for row in rows]
        self._used: set[int] = set()
        self.missed = 0

    def of(self, path: str) -> dict[str, str]:
        name = _plain(PurePosixPath(path).name)
        number = self._by_name.get(name, self._by_stem.get(PurePosixPath(name).stem))
        if number is None:
            self.missed += 1
            return dict.fromkeys(FROM_CSV, "")
        self._used.add(number)
        return self._rows[number]

    @property
    def unused(self) -> int:
        return len(self._rows) - len(self._used)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", shown(name)).strip()
