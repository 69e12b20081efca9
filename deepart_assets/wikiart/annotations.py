"""A source's annotations of its pictures: artist, title, style and so on."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from deepart_assets.wikiart.matching import matches, plain
from deepart_assets.wikiart.naming import shown
from deepart_assets.wikiart.sources import Source

if TYPE_CHECKING:
    import pandas

ANNOTATED = ("artist", "title", "style", "genre", "date")
SUBJECT = "subject"
"""The column that says what the subject is."""
LICENCE = "licence"
"""The column that says under which terms the picture may be used."""
PROMPT = "prompt"
"""The column that says what is painted around the subject, for outpainters that read a prompt."""
OPTIONAL = (SUBJECT, LICENCE, PROMPT)
"""A catalogue has these columns where a CSV does."""
KEY = "new_filename"
"""The column that names the picture's file."""

_SYNONYMS = {
    KEY: ("filename", "file_name", "file", "image", "image_file", "picture", "path", "datei"),
    "artist": ("artist_name", "painter", "author", "creator", "maker", "kuenstler", "künstler"),
    "title": ("name", "titel", "titre", "object_title"),
    "style": ("movement", "stil"),
    "genre": ("category", "type"),
    "date": ("year", "dated", "created", "creation_date", "object_date", "jahr", "datum"),
    SUBJECT: ("motif", "depicts"),
    LICENCE: ("license", "rights"),
}
_NAMES = {other: name for name, others in _SYNONYMS.items() for other in others}
"""The column that a name means, in lower case with "_" for blanks; a column's own name wins."""

_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""First bytes of Excel's and LibreOffice's workbooks, which are often given the name of a CSV."""


class Annotations(NamedTuple):
    """What is known of a source's pictures beside their pixels."""

    table: "pandas.DataFrame"
    """A row for each picture, in their order, with the text columns `ANNOTATED`, and those of
    `OPTIONAL` that the CSV has."""
    rows_without_picture: int
    pictures_without_row: int
    warnings: tuple[str, ...] = ()
    """What could not be read of the CSV."""


def annotate(source: Source) -> Annotations:
    """Return the annotations of a source's pictures.

    With a CSV, a picture is annotated by the row with its path or file name, else by the row with
    its stem, with another suffix (the original notebook converted JPEG to PNG) or none, else with
    "" (`matches`). Without one, its style is the name of its folder, as in the original notebook's
    archive, or "" at the top of the source. A CSV that cannot be read costs the annotations and not
    the pictures.
    """
    import pandas as pd

    paths = [picture.path for picture in source.pictures]
    if source.csv is None:
        table = pd.DataFrame("", index=range(len(paths)), columns=list(ANNOTATED))
        table["style"] = [shown(PurePosixPath(path).parent.name) for path in paths]
        return Annotations(table, 0, len(paths))
    warnings: list[str] = []
    name = f"CSV of {source.name}"
    columns, keys, rows = _read(source.csv, name, paths, warnings)
    numbers, shared = matches(paths, keys)
    used = {number for number in numbers if number >= 0}
    if shared:
        number, count = next(iter(shared.items()))
        others = f" (and {len(shared) - 1} more rows are of several)" if len(shared) > 1 else ""
        warnings.append(
            f"{name}: {count} pictures are called {shown(keys[number])} and have the facts of one"
            f" row{others}: if they are different paintings, name them with their folder"
        )
    found = {plain(keys[number]) for number in used}
    absent = [key for key in keys if plain(key) not in found]
    if absent and -1 in numbers:  # both: a name may be misspelt
        warnings.append(
            f"{name} names files that do not exist ({len(absent)}, such as"
            f" {shown(absent[0])}), and nothing of some that are ({numbers.count(-1)}, such as"
            f" {shown(paths[numbers.index(-1)])}): compare the names"
        )
    blank = ("",) * len(columns)
    matched = [rows[number] if number >= 0 else blank for number in numbers]
    table = pd.DataFrame(matched, columns=columns, dtype="str")
    return Annotations(table, len(rows) - len(used), numbers.count(-1), tuple(warnings))


class CsvTable(NamedTuple):
    """A CSV of annotations as it was found."""

    separator: str
    names: list[str]
    """The columns' names in the file."""
    columns: list[str]
    """What each of them means: one of `KEY`, `ANNOTATED` and `OPTIONAL`, or its own name folded."""
    rows: list[list[str]]
    fault: str = ""
    """Why the rest could not be read."""

    def key_of(self, row: Sequence[str]) -> str:
        """Return the file that a row names; "" for none."""
        place = self.columns.index(KEY)
        return row[place].strip() if place < len(row) else ""


def parse_csv(data: bytes, name: str, warnings: list[str]) -> CsvTable:
    """Parse a CSV.

    The encoding (UTF-8, UTF-16, else Windows-1252) and the separator (comma, semicolon, tab or
    bar) are found out, as is the meaning of the columns by their names (`_NAMES`).

    Args:
        data: The file.
        name: Its name, for the warnings.
        warnings: Receives what is wrong with it.
    """
    if data.startswith(_WORKBOOK):
        fault = f"{name} is a workbook by its content: save it as CSV from the spreadsheet program"
        warnings.append(fault)
        return CsvTable(",", [], [], [], fault)
    text = re.sub(r"\r\n?", "\n", _decoded(data, name, warnings))
    first, _, rest = text.partition("\n")
    if first.strip(' "').lower().startswith("sep="):  # Excel's own hint
        text = rest
    if blank := re.match(r"[\s,;|]*\n", text):
        text = text[blank.end() :]
    header_line = text.partition("\n")[0]
    separator = max(",;\t|", key=header_line.count)
    names, rows, fault = _parsed(text, separator, name)
    if fault and '"' in text:  # a mark after a blank may be one that nothing closes, and no quote
        again = _parsed(text, separator, name, blanks=True)
        if not again[2]:
            names, rows, fault = again
    if fault:
        warnings.append(fault)
    folded = [_folded(each) for each in names]
    columns = [
        each if (own := _NAMES.get(each)) is None or own in folded else own for each in folded
    ]
    if KEY not in columns:
        found = shown(", ".join(columns)[:200]) or "nothing at all"
        fault = (
            f"{name} has no column that names the files but {found}: it is ignored. Name"
            " one file, filename or new_filename"
        )
        warnings.append(fault)
    return CsvTable(separator, names, columns, rows, fault)


def _parsed(
    text: str, separator: str, name: str, *, blanks: bool = False
) -> tuple[list[str], list[list[str]], str]:
    """Return the header, the rows, and what is wrong.

    Args:
        text: Of the CSV.
        separator: Between its cells.
        name: Of the CSV, for messages.
        blanks: Whether blanks before a cell belong to it.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=not blanks
    )
    names: list[str] = []
    rows: list[list[str]] = []
    try:
        names = next(reader, [])
        rows.extend(reader)
    except csv.Error as error:
        fault = f"{name} is read up to line {reader.line_num} only ({error}): save it again as CSV"
        return names, rows, fault
    if rows and text.count('"') % 2 and any("\n" in cell for cell in rows[-1]):
        fault = (
            f'{name} has a quotation mark (") that nothing closes, in the row of'
            f" {shown(rows[-1][0])}: what follows it is not read. Close it, or remove it"
        )
        return names, rows, fault
    return names, rows, ""


def _read(
    data: bytes, name: str, paths: Iterable[str], warnings: list[str]
) -> tuple[list[str], list[str], list[tuple[str, ...]]]:
    """Return the annotations there are, and the file name and values of each row that names one."""
    table = parse_csv(data, name, warnings)
    header = table.columns
    columns = [*ANNOTATED, *(each for each in OPTIONAL if each in header)]
    if KEY not in header:
        return list(ANNOTATED), [], []
    places = [header.index(each) if each in header else -1 for each in columns]
    found = [
        (key, tuple(_value(row, at, each) for at, each in zip(places, columns, strict=True)))
        for row in table.rows
        if (key := table.key_of(row))
    ]
    if not table.fault and (line := _swallowed(table, paths)):
        warnings.append(
            f'{name} has rows within a cell, such as "{shown(line[:80])}": a quotation mark (")'
            " before them is not closed. Close it, or remove it"
        )
    if repeated := _described_twice(found):
        others = f" and {len(repeated) - 1} more" if repeated[1:] else ""
        warnings.append(
            f"{name} has rows that differ for the same file, {repeated[0]}{others}: the first one"
            " counts. Remove the others"
        )
    return columns, [key for key, _ in found], [values for _, values in found]


def _value(row: Sequence[str], place: int, column: str) -> str:
    """Return a value of a row: names and dates in one line, as a caption is."""
    cell = row[place] if 0 <= place < len(row) else ""
    if column in OPTIONAL:  # a line break separates things in `SUBJECT`
        return cell.strip()
    return " ".join(filter(None, map(str.strip, cell.splitlines())))


def _swallowed(table: CsvTable, paths: Iterable[str]) -> str:
    """Return a line of a cell that is a row by the picture it names, or ""."""
    cells = (cell for row in table.rows for cell in row if "\n" in cell)
    lines = [line for cell in cells for line in cell.split("\n")[1:] if table.separator in line]
    if not lines:
        return ""
    there = {name for path in map(plain, paths) for name in (path, path.rsplit("/", 1)[-1])}
    for line in lines:
        if any(plain(part.strip(' "')) in there for part in line.split(table.separator)):
            return line
    return ""


def _described_twice(rows: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Return the files that several rows describe, and not in the same way."""
    first: dict[str, tuple[str, ...]] = {}
    other = (key for key, values in rows if first.setdefault(plain(key), values) != values)
    return list(dict.fromkeys(other))


def _decoded(data: bytes, name: str, warnings: list[str]) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:2]:  # the first letter is ASCII's, and there is no byte order mark
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        warnings.append(f"{name} is not UTF-8 and is read as Windows-1252: save it as UTF-8")
        return data.decode("cp1252", "replace")


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())
