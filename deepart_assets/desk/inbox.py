"""Pictures that people drop onto the desk: into the inbox, with their labels in its CSV."""

import csv
import io
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from deepart_assets.desk.desk import Desk
from deepart_assets.desk.masks import ConflictError
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.annotations import ANNOTATED, KEY
from deepart_assets.wikiart.catalogue import quarantined
from deepart_assets.wikiart.naming import INBOX, LONGEST_ID, painting_id
from deepart_assets.wikiart.sources.base import NO_PICTURE, is_hidden, is_picture
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
    place = inbox_lake(desk.settings.inbox, desk.lake)
    with place.lock(desk.settings.inbox.csv):
        if place.exists(name) and sha256_of(place.read(name)) != sha256_of(data):
            raise ConflictError(f"the inbox has another {name}: rename yours")
        row = desk.index.rows().get(key)
        if row is not None and not row.listed.path.startswith(f"{INBOX.folder}/"):
            raise ConflictError(f"there is a painting {key} already: rename your file")
        given = {n: labels[n].strip()[:LABEL_LENGTH] for n in ANNOTATED if labels.get(n)}
        if given:
            _label(desk, name, given)
        place.write(name, data)
    return key


def waiting_and_left_out(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    """Return the files of the inbox, each with its painting; and what is left out, and why."""
    source = open_inbox(desk.settings.inbox, desk.lake, lambda _: None)
    refused = [
        {"file": file, "source": name, "reason": reason}
        for name, file, reason in quarantined(desk.lake)
    ]
    by_file = {each["file"] for each in refused if each["source"] == source.name}
    rows = desk.index.rows()
    files = [
        {"name": picture.path, "id": key if (key := painting_id(picture.path)) in rows else ""}
        for picture in source.pictures[:SHOWN]
        if picture.path not in by_file
    ]
    return {"files": files, "left_out": refused[:SHOWN]}


def _checked_name(name: str) -> str:
    """Return the id of a painting from its file's name."""
    if "/" in name or "\\" in name or is_hidden(name) or not name.isprintable():
        raise PaintingError(f"{name!r} is no name of a file: rename it")
    if not is_picture(name):
        raise PaintingError(f"{NO_PICTURE} in {name}: save it in one of these formats")
    key = painting_id(name)
    if not key or len(key.encode()) > LONGEST_ID:
        raise PaintingError(f"{name} has no usable name: rename it, with letters or digits")
    return key


def _label(desk: Desk, name: str, labels: Mapping[str, str]) -> None:
    """Write a row into the inbox's CSV, which keeps its columns and its other rows."""
    place, path = inbox_lake(desk.settings.inbox, desk.lake), desk.settings.inbox.csv
    columns, rows = [KEY, *ANNOTATED], []
    if place.exists(path):
        try:
            reader = csv.DictReader(io.StringIO(place.read(path).decode("utf-8-sig"), newline=""))
            columns = list(reader.fieldnames or ())
            rows = [row for row in reader if row.get(KEY) != name]
        except (UnicodeDecodeError, csv.Error) as error:
            raise PaintingError(f"{path} of the inbox cannot be read ({error})") from error
        if KEY not in columns:
            raise PaintingError(
                f"{path} of the inbox has no column {KEY}: correct it, or leave the labels empty"
            )
        columns += [each for each in labels if each not in columns]
    else:  # without a CSV the folder of a picture is its style: that stays so
        source = open_inbox(desk.settings.inbox, desk.lake, lambda _: None)
        paths = (PurePosixPath(each.path) for each in source.pictures)
        rows = [{KEY: path.name, "style": path.parent.name} for path in paths if path.parent.name]
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows([*rows, {KEY: name, **labels}])
    place.write(path, buffer.getvalue().encode())
