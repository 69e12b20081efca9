"""A source's annotations of its pictures: artist, title, style, genre, date, subject, licence."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from deepart_assets.errors import SettingsError
from deepart_assets.wikiart.naming import shown, stem_and_suffix
from deepart_assets.wikiart.sources import Source

if TYPE_CHECKING:
    import pandas

ANNOTATED = ("artist", "title", "style", "genre", "date")
SUBJECT = "subject"
"""The column that says what the subject is."""
LICENCE = "licence"
"""The column that says under which terms the picture may be used."""
OPTIONAL = (SUBJECT, LICENCE)
"""A catalogue has these columns where a CSV does."""
KEY = "new_filename"
"""The column that names the picture's file."""


def annotate(source: Source) -> tuple["pandas.DataFrame", int, int]:
    """Return the annotations of a source's pictures, one row each, in their order.

    With a CSV, a picture is annotated by the row with its file name, else by the row with its stem
    (the original notebook converted JPEG to PNG), else with "". Without a CSV, its style is the
    name of its folder, as in the original notebook's archive, or "" at the top of the source.

    Returns:
        A table with the text columns `ANNOTATED`, and those of `OPTIONAL` that the CSV has; the
        number of CSV rows without a picture; and the number of pictures without a row.

    Raises:
        SettingsError: The CSV is not UTF-8 or lacks the column `new_filename`.
    """
    import pandas as pd

    paths = [picture.path for picture in source.pictures]
    if source.csv is None:
        table = pd.DataFrame("", index=range(len(paths)), columns=list(ANNOTATED))
        table["style"] = [shown(PurePosixPath(path).parent.name) for path in paths]
        return table, 0, len(paths)
    columns, keys, rows = _read(source.csv, source)
    numbers = _matches(paths, keys)
    used = {number for number in numbers if number >= 0}
    blank = ("",) * len(columns)
    matched = [rows[number] if number >= 0 else blank for number in numbers]
    table = pd.DataFrame(matched, columns=columns, dtype="str")
    return table, len(rows) - len(used), numbers.count(-1)


def _read(data: bytes, source: Source) -> tuple[list[str], list[str], list[tuple[str, ...]]]:
    """Return the annotations there are, and the file name and values of each row that names one."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header = next(reader, [])
        if KEY not in header:
            raise SettingsError(
                f"The CSV of {source.origin} has no column {KEY!r} but"
                f" {', '.join(header) or 'none'}: give it the columns of Kaggle's"
                " all_data_info.csv"
            )
        columns = [*ANNOTATED, *(name for name in OPTIONAL if name in header)]
        places = [header.index(name) if name in header else -1 for name in columns]
        key_place = header.index(KEY)
        keys, rows = [], []
        for row in reader:
            key = row[key_place].strip() if key_place < len(row) else ""
            if key:
                keys.append(key)
                rows.append(tuple(row[at].strip() if 0 <= at < len(row) else "" for at in places))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"The CSV of {source.origin} cannot be read ({error}): save it as UTF-8"
        ) from error
    return columns, keys, rows


def _matches(paths: Iterable[str], keys: Iterable[str]) -> list[int]:
    """Return the row number of each path, or -1; the first row of a name counts."""
    by_name: dict[str, int] = {}
    by_stem: dict[str, int] = {}
    for number, key in enumerate(keys):
        name = _plain(key)
        by_name.setdefault(name, number)
        by_stem.setdefault(stem_and_suffix(name)[0], number)
    numbers = []
    for path in paths:
        name = _plain(path.rsplit("/", 1)[-1])
        exact = by_name.get(name, -1)
        numbers.append(exact if exact >= 0 else by_stem.get(stem_and_suffix(name)[0], -1))
    return numbers


def _plain(name: str) -> str:
    if name.isascii():
        return name.strip()
    return unicodedata.normalize("NFC", shown(name)).strip()
