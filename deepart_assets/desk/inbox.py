"""Pictures that people drop onto the desk: into the inbox, with their labels in its CSV."""

import csv
import io
from collections.abc import Container, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from deepart_assets.desk.desk import Desk
from deepart_assets.desk.masks import ConflictError
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.annotations import ANNOTATED, KEY, CsvTable, parse_csv
from deepart_assets.wikiart.left_out import left_out_files
from deepart_assets.wikiart.naming import INBOX, folder_id, name_refusal, painting_id, shown
from deepart_assets.wikiart.sources.base import is_hidden, is_picture
from deepart_assets.wikiart.sources.inbox import inbox_lake, open_inbox

MAX_BYTES = 400 * 1024**2
"""Of a picture that is dropped."""

LABEL_LENGTH = 300
SHOWN = 500
"""Most files of a list on the page."""


def take_in(desk: Desk, name: str, data: bytes, labels: Mapping[str, str]) -> str:
    """Put a picture into the inbox, where the sensor finds it.

    Args:
        desk: The desk.
        name: The file's name.
        data: The file; decoded as the pipeline does, so that what cannot be used is refused here.
        labels: Some of `ANNOTATED`.

    Returns:
        The id that the painting will have.

    Raises:
        PaintingError: The file or its name cannot be used; the message says what to do.
        ConflictError: There is another file or painting of this name.
    """
    key = _checked_name(name)
    PictureFile(data, name).reduced(32)
    _refuse_double(desk, name, data)
    place = inbox_lake(desk.settings.inbox, desk.lake)
    with place.lock(desk.settings.inbox.csv):
        if place.exists(name) and sha256_of(place.read(name)) != sha256_of(data):
            raise ConflictError(f"the inbox has another {name}: rename yours")
        _refuse_same_id(desk, name, key)
        given = {n: labels[n].strip()[:LABEL_LENGTH] for n in ANNOTATED if labels.get(n)}
        if given:
            _label(desk, name, given)
        place.write(name, data)
    return key


def _refuse_double(desk: Desk, name: str, data: bytes) -> None:
    """Refuse a second copy of a painting on the list, which the next run would leave out.

    Raises:
        ConflictError: There is one.
    """
    rows, own = desk.index.rows(), sha256_of(data)
    same = [row.listed for row in rows.values() if row.listed.sha256 == own]
    if not same:
        return
    pictures = open_inbox(desk.settings.inbox, desk.lake).pictures
    there = {_painting_of(each.path, rows) for each in pictures}
    for listed in same:
        is_removed = listed.path.startswith(f"{INBOX.folder}/") and listed.id not in there
        if not is_removed and listed.id != painting_id(name):
            raise ConflictError(f"{name} has the same bytes as {listed.path}: it is there already")


def _refuse_same_id(desk: Desk, name: str, key: str) -> None:
    """Refuse a file that would have the id of another: of two, a run uses one.

    Files in folders may have other ids than by their names alone: theirs count once they have one.
    Those that the last run has left out take nobody's id: they may be what is to be replaced.

    Raises:
        ConflictError: There is another.
    """
    rows, folded = desk.index.rows(), key.casefold()
    row = rows.get(desk.index.folded.get(folded, ""))
    if row is not None and not row.listed.path.startswith(f"{INBOX.folder}/"):
        raise ConflictError(f"{name} would have the same id as {row.listed.path}: rename it")
    source = open_inbox(desk.settings.inbox, desk.lake)
    paths = [picture.path for picture in source.pictures]
    if name in paths:  # the same file once more
        return
    for path in paths:
        own = _painting_of(path, rows) if "/" in path else painting_id(path)
        if own.casefold() == folded and f"{source.name}/{path}" not in _unused(desk):
            raise ConflictError(
                f"{name} would have the same id as {shown(path)} of the inbox: rename yours, or"
                " remove that one"
            )


def waiting_and_left_out(desk: Desk) -> dict[str, Sequence[Any]]:
    """Return the files of the inbox, each with its painting; and what is left out, and why."""
    source = open_inbox(desk.settings.inbox, desk.lake)
    rows = desk.index.rows()
    left_out = left_out_files(desk.store, rows)
    unused = {each.file for each in left_out}
    files = [
        {"name": picture.path, "id": _painting_of(picture.path, rows)}
        for picture in source.pictures[:SHOWN]
        if f"{source.name}/{picture.path}" not in unused
    ]
    return {"files": files, "left_out": left_out[:SHOWN]}


def _unused(desk: Desk) -> set[str]:
    """Return the files that the last runs left out, as `left_out_files` names them."""
    return {each.file for each in left_out_files(desk.store, desk.index.rows())}


def _painting_of(path: str, paintings: Container[str]) -> str:
    """Return the id of a file's painting; "" where it is not on the list."""
    return next((key for key in (folder_id(path), painting_id(path)) if key in paintings), "")


def _checked_name(name: str) -> str:
    """Return the id of a painting from its file's name."""
    if "/" in name or "\\" in name or is_hidden(name) or not name.isprintable():
        raise PaintingError(f"{name!r} is no name of a file: rename it")
    if not is_picture(name):
        raise PaintingError(f"{name} is no picture by its name: put a CSV into the inbox by hand")
    key = painting_id(name)
    if refusal := name_refusal(name, key):
        raise PaintingError(refusal)
    return key


def _label(desk: Desk, name: str, labels: Mapping[str, str]) -> None:
    """Write a row into the inbox's CSV, which keeps its columns, its separator and other rows."""
    place, path = inbox_lake(desk.settings.inbox, desk.lake), desk.settings.inbox.csv
    encoding = "utf-8"
    if place.exists(path):
        data = place.read(path)
        table = parse_csv(data, f"{path} of the inbox", [])
        if table.fault:
            raise PaintingError(f"{table.fault}; or leave the labels empty")
        own = [row for row in table.rows if table.key_of(row) == name]
        rows = [row for row in table.rows if table.key_of(row) != name]
        if not _is_plain(data):  # Excel takes a CSV for UTF-8 by its mark alone
            encoding = "utf-8-sig"
    else:  # without a CSV the folder of a picture is its style: that stays so
        own, names = [], [KEY, *ANNOTATED]
        source = open_inbox(desk.settings.inbox, desk.lake)
        paths = (PurePosixPath(each.path) for each in source.pictures)
        table = CsvTable(",", names, names, [])
        rows = [
            _labelled(table, [], {KEY: str(path), "style": path.parent.name})
            for path in paths
            if path.parent.name
        ]
    added = [each for each in labels if each not in table.columns]
    table = table._replace(names=[*table.names, *added], columns=[*table.columns, *added])
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=table.separator)
    row = own[0] if own else _labelled(table, [], {KEY: name})  # of several the first counts
    writer.writerows([table.names, *rows, _labelled(table, row, labels)])
    place.write(path, buffer.getvalue().encode(encoding))


def _labelled(table: CsvTable, row: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """Return a row with some labels replaced; it keeps what else it says."""
    changed = [*row, *[""] * (len(table.columns) - len(row))]
    for name, value in labels.items():
        changed[table.columns.index(name)] = value
    return changed


def _is_plain(data: bytes) -> bool:
    """Whether text is UTF-8 without a mark."""
    try:
        return not data.decode().startswith("\ufeff")
    except UnicodeDecodeError:
        return False
