"""What a curator says the subject is: masks, strokes and texts, validated like files, and saved."""

import io
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets import asset_names
from deepart_assets.desk.desk import Desk, UnknownError
from deepart_assets.desk.painting import PaintingPage
from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging import decode_grey, encode_png, fit_within, resize
from deepart_assets.segmentation import (
    Scribble,
    check_polarity,
    check_position,
    check_text,
    judge_prediction,
    read_curated_mask,
    read_text,
    support_in,
)
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.painting_folder import MASKS, TEXTS, PaintingFolder

SIDE = 2048
"""Longer side at which a mask is drawn at most, in pixels."""

MAX_BYTES = 32 * 1024**2
MAX_PIXELS = 64_000_000
"""Of a file that is saved. The desk's own are of at most `SIDE` squared."""

SUFFIXES = {"BMP": ".bmp", "JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
"""Of the files that may be saved, by their format: those that the masks folder is read for."""

NO_FILE = "none"
"""The version of a file that is not there."""

_GREEN, _RED = (0, 200, 80), (230, 40, 40)


class ConflictError(PaintingError):
    """Somebody else has changed what was to be changed."""


def editable_mask(page: PaintingPage, desk: Desk, layer: str) -> bytes:
    """Return what the editor begins with, as PNG with a longer side of at most `SIDE`.

    Args:
        page: The painting.
        desk: The desk.
        layer: "mask", what is kept now; "prediction"; or "strokes", the curator's, on transparent.

    Raises:
        UnknownError: There is none.
    """
    size = fit_within(page.listed.height, page.listed.width, SIDE)
    drawn = None
    if layer in ("mask", "strokes"):
        with suppress(PaintingError):  # a file that cannot be read counts as none
            drawn = _drawn(page, desk, size)
    if layer == "strokes" and isinstance(drawn, Scribble):
        strokes = np.zeros((*size, 4), np.uint8)
        strokes[drawn.keep] = (*_GREEN, 255)
        strokes[drawn.drop] = (*_RED, 255)
        return encode_png(strokes)
    if layer == "mask" and isinstance(drawn, np.ndarray):
        return encode_png(drawn.astype(np.uint8) * 255)
    sources = {
        "mask": (asset_names.SUBJECT_MASKS, asset_names.PREDICTED_MASKS),
        "prediction": (asset_names.PREDICTED_MASKS,),
    }
    for asset in sources.get(layer, ()):
        if (levels := _levels(page, desk, asset)) is not None:
            mask = resize(levels, *size) >= 128
            return encode_png(mask.astype(np.uint8) * 255)
    raise UnknownError(f"{page.listed.id} has no {layer} yet")


def save_mask(desk: Desk, key: str, data: bytes | None, expected: str) -> None:
    """Save a curator's mask, cut-out or strokes, as somebody could by hand, or remove it.

    Args:
        desk: The desk.
        key: The painting's id.
        data: The file, of one of the formats in `SUFFIXES`; None for the prediction to count again.
        expected: The version of the file that this one replaces; `NO_FILE` for none.

    Raises:
        PaintingError: It is none of these for this painting; the message says what to do.
        ConflictError: The file is another one by now.
    """
    page = desk.painting(key)
    path = MASKS.path(key)
    if data is not None:
        path = f"{MASKS.folder}/{key}{_suffix_of(data, path)}"
        size = fit_within(page.listed.height, page.listed.width, SIDE)
        try:
            drawn = read_curated_mask(data, path, size)
        except SkipPainting:  # nothing is kept: allowed, and the painting is left out
            drawn = None
        if isinstance(drawn, np.ndarray):
            _check_by_prediction(page, desk, drawn, path)
    _replace(desk, MASKS, key, expected, path=path, data=data)


def text_of(desk: Desk, key: str) -> str:
    """Return a painting's own text for the segmenter; "" for none, and for one of no use."""
    path = desk.located(TEXTS, key)
    try:
        return read_text(desk.lake.read(path), path)
    except (FileNotFoundError, PaintingError):
        return ""


def save_text(desk: Desk, key: str, data: bytes, expected: str) -> None:
    """Save what the subject of a painting is, for a segmenter that reads texts.

    Args:
        desk: The desk.
        key: The painting's id.
        data: The text in UTF-8; nothing but blanks for none of its own.
        expected: The version of the file that this one replaces; `NO_FILE` for none.

    Raises:
        PaintingError: It names nothing, or is too long.
        ConflictError: The file is another one by now.
    """
    text = data.decode("utf-8", errors="replace").strip()
    checked = check_text(text, "the text").encode() if text else None
    _replace(desk, TEXTS, desk.listed(key).id, expected, path=TEXTS.path(key), data=checked)


def _replace(
    desk: Desk, folder: PaintingFolder, key: str, expected: str, *, path: str, data: bytes | None
) -> None:
    """Replace a painting's file in a folder by `data` at `path`, or by none."""
    with desk.lake.lock(folder.path(key)):
        old = desk.located(folder, key)
        check_version(desk, old, expected)
        if data is not None:
            desk.lake.write(path, data)
        if data is None or old != path:
            desk.lake.remove(old)


def check_version(desk: Desk, path: str, expected: str) -> None:
    """Refuse to replace a file that is not the one that somebody has seen.

    Raises:
        ConflictError: It is another one.
    """
    try:
        found = sha256_of(desk.lake.read(path))
    except FileNotFoundError:
        found = NO_FILE
    if found != expected:
        raise ConflictError(
            "somebody else has changed this since you opened it: reload the page to see what, and"
            " decide again"
        )


def mask_kind(page: PaintingPage, desk: Desk) -> str:
    """Return what a curator drew: "none", "mask", "strokes", or "unreadable"."""
    if asset_names.CURATED_MASKS not in page.file_hashes:
        return "none"
    try:
        drawn = _drawn(page, desk, fit_within(page.listed.height, page.listed.width, 256))
    except PaintingError:
        return "unreadable"
    return "strokes" if isinstance(drawn, Scribble) else "mask"


def _drawn(
    page: PaintingPage, desk: Desk, size: tuple[int, int]
) -> NDArray[np.bool_] | Scribble | None:
    path = desk.located(MASKS, page.listed.id)
    try:
        data = desk.lake.read(path)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise PaintingError(f"{path} cannot be read: replace or remove it") from error
    try:
        return read_curated_mask(data, path, size)
    except SkipPainting:
        return np.zeros(size, np.bool_)


def _check_by_prediction(
    page: PaintingPage, desk: Desk, drawn: NDArray[np.bool_], path: str
) -> None:
    """Refuse a mask as the pipeline does, by a prediction that has found a subject.

    Raises:
        PaintingError: It seems to be inverted, or turned.
    """
    settings = desk.settings.segmentation
    soft = _levels(page, desk, asset_names.PREDICTED_MASKS) if settings.check_polarity else None
    if soft is None:
        return
    record, size = page.records[asset_names.PREDICTED_MASKS], drawn.shape
    support = support_in(desk.store, record)
    if support is not None:
        support = support.resized((page.listed.height, page.listed.width), size)
    painted = support and support.painted(*size)
    predicted, verdict = judge_prediction(soft, record, painted, size, settings)
    if verdict.level != "none":
        check_polarity(drawn, predicted.mask, path)
        check_position(drawn, predicted.mask, path)


def _levels(page: PaintingPage, desk: Desk, asset: str) -> NDArray[np.uint8] | None:
    """Return a mask as the pipeline made it, uint8, h×w; None if there is none."""
    record = page.records.get(asset)
    if record is None or record.status != "done":
        return None
    try:
        return decode_grey(desk.lake.read(record.path), record.path)
    except FileNotFoundError:
        return None


def _suffix_of(data: bytes, path: str) -> str:
    """Return the suffix for a file by its content, of which nothing is decoded.

    Raises:
        PaintingError: It is no picture, or would take too much memory.
    """
    try:
        with Image.open(io.BytesIO(data), formats=tuple(SUFFIXES)) as image:
            width, height, suffix = image.width, image.height, SUFFIXES[str(image.format)]
    except (OSError, ValueError, SyntaxError) as error:
        raise PaintingError(f"{path} cannot be read as a picture: save it as PNG again") from error
    if width * height > MAX_PIXELS:
        raise PaintingError(
            f"{path} has {width}×{height} pixels, more than {MAX_PIXELS // 1_000_000} million:"
            " draw it smaller; it is enlarged to the painting"
        )
    return suffix
