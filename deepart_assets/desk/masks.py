"""Masks and strokes that a curator draws: shown for editing, validated like files, and saved."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets import asset_names
from deepart_assets.desk.desk import Desk, UnknownError
from deepart_assets.desk.painting import PaintingPage
from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.imaging import decode_grey, encode_png, fit_within, resize
from deepart_assets.segmentation import Scribble, check_polarity, read_curated_mask
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.painting_folder import MASKS

SIDE = 2048
"""Longer side at which a mask is drawn at most, in pixels."""

MAX_BYTES = 32 * 1024**2
MAX_PIXELS = 64_000_000
"""Of a file that is saved. The desk's own are of at most `SIDE` squared."""

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
        if (mask := _made(page, desk, asset, size)) is not None:
            return encode_png(mask.astype(np.uint8) * 255)
    raise UnknownError(f"{page.listed.id} has no {layer} yet")


def save_mask(desk: Desk, key: str, data: bytes, expected: str) -> str:
    """Save a curator's mask, cut-out or strokes, as somebody could by hand.

    Args:
        desk: The desk.
        key: The painting's id.
        data: The file, PNG.
        expected: The version of the file that this one replaces; `NO_FILE` for none.

    Returns:
        The new version.

    Raises:
        PaintingError: It is none of these for this painting; the message says what to do.
        ConflictError: The file is another one by now.
    """
    page = desk.painting(key)
    path, old = MASKS.path(key), MASKS.located(desk.lake, key)
    _check_header(data, path)
    size = fit_within(page.listed.height, page.listed.width, SIDE)
    try:
        drawn = read_curated_mask(data, path, size)
    except SkipPainting:  # nothing is kept: allowed, and the painting is left out
        drawn = None
    predicted = _made(page, desk, asset_names.PREDICTED_MASKS, size)
    checks = desk.settings.segmentation.check_polarity
    if checks and isinstance(drawn, np.ndarray) and predicted is not None:
        check_polarity(drawn, predicted, path)
    with desk.lake.lock(path):
        check_version(desk, old, expected)
        version = desk.lake.write(path, data).sha256
        if old != path:
            desk.lake.remove(old)
        return version


def remove_mask(desk: Desk, key: str, expected: str) -> str:
    """Remove a curator's mask, so that the prediction counts again; return `NO_FILE`."""
    path = MASKS.located(desk.lake, desk.listed(key).id)
    with desk.lake.lock(path):
        check_version(desk, path, expected)
        desk.lake.remove(path)
    return NO_FILE


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
    path = MASKS.located(desk.lake, page.listed.id)
    try:
        data = desk.lake.read(path)
    except FileNotFoundError:
        return None
    try:
        return read_curated_mask(data, path, size)
    except SkipPainting:
        return np.zeros(size, np.bool_)


def _made(
    page: PaintingPage, desk: Desk, asset: str, size: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """Return a mask that the pipeline made, bool, H×W of a size; None if there is none."""
    record = page.records.get(asset)
    if record is None or record.status != "done":
        return None
    try:
        levels = decode_grey(desk.lake.read(record.path), record.path)
    except FileNotFoundError:
        return None
    return np.asarray(resize(levels, *size) >= 128)


def _check_header(data: bytes, path: str) -> None:
    """Refuse what is no PNG, or would take too much memory, before anything is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise PaintingError(f"{path} is no readable PNG: save it again") from error
    if width * height > MAX_PIXELS:
        raise PaintingError(
            f"{path} has {width}×{height} pixels, more than {MAX_PIXELS // 1_000_000} million:"
            " draw it smaller; it is enlarged to the painting"
        )
