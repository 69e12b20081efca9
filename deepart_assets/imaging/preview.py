"""Thumbnails, contact sheets and mosaics of captioned pictures."""

import base64
import importlib.util
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from deepart_assets.imaging.codec import encode_jpeg
from deepart_assets.imaging.geometry import fit_within, resize

PREVIEW_SIDE = 512
"""Longer side of a preview in pixels: an edge can be judged, and Dagster's event log has room."""

_BACKGROUND = (250, 249, 246)
_INK = (40, 38, 35)


def preview_uri(picture: NDArray[np.uint8], side: int = PREVIEW_SIDE) -> str:
    """Return a JPEG thumbnail of uint8 H×W, H×W×3 or H×W×4 as a `data:` URI."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[2] == 4:
        picture = over_checkerboard(picture)
    small = resize(picture, *fit_within(picture.shape[0], picture.shape[1], side))
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(small, 80)).decode()


def over_checkerboard(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Composite uint8 H×W×4 over a checkerboard, to show transparency."""
    height, width = picture.shape[:2]
    rows, columns = np.indices((height, width)) // 12
    board = np.where((rows + columns) % 2, 205, 235).astype(np.float32)[..., None]
    alpha = picture[..., 3:].astype(np.float32) / 255
    mixed = picture[..., :3] * alpha + board * (1 - alpha)
    return np.round(mixed).astype(np.uint8)


MAX_SHEET_WIDTH = 16_000
"""Approximate, in pixels; JPEG allows 65,535, but few viewers do."""

Cell = tuple[str, NDArray[np.uint8]]
"""A caption and a picture (uint8, H×W×3)."""


def contact_sheet(cells: Sequence[Cell], title: str, height: int) -> NDArray[np.uint8]:
    """Place captioned pictures side by side at one height, with a title above.

    Args:
        cells: Caption and picture (uint8, H×W×3), left to right.
        title: The line above the pictures.
        height: Height of the pictures on the sheet in pixels.

    Returns:
        uint8, H×W×3.
    """
    return column_sheet([[cell] for cell in cells], title, height)


def column_sheet(
    columns: Sequence[Sequence[Cell]], title: str, height: int = 1024, notes: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """Place columns of pictures side by side, each filling the height, with a title above.

    Args:
        columns: The cells of each column, from top to bottom.
        title: The line above the pictures.
        height: Height of the columns in pixels, reduced if the sheet would be wider than about
            `MAX_SHEET_WIDTH`.
        notes: Smaller lines below the title.

    Returns:
        uint8, H×W×3.
    """
    wide = sum(max(_aspect(picture) for _, picture in each) / len(each) for each in columns)
    height = max(1, min(height, round(MAX_SHEET_WIDTH / wide)))
    margin, caption = max(8, height // 40), max(18, height // 18)
    shown = [
        [
            (name, _at_height(picture, _share(height, caption, row, len(column))))
            for row, (name, picture) in enumerate(column)
        ]
        for column in columns
    ]
    widths = [max(picture.shape[1] for _, picture in column) for column in shown]
    captions = [
        (name, each) for column, each in zip(shown, widths, strict=True) for name, _ in column
    ]
    title_font = _font(round(caption * 0.72))
    caption_font = _font_for(captions, round(caption * 0.58))
    width = margin + sum(each + margin for each in widths)
    head = margin + caption * (1 + len(notes))
    sheet = Image.new("RGB", (width, head + height + caption + margin), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    note_font = _font(round(caption * 0.58))
    for number, (line, font) in enumerate([(title, title_font), *((n, note_font) for n in notes)]):
        place = (margin, margin // 2 + number * caption)
        draw.text(place, _truncated(line, font, width - 2 * margin), _INK, font)
    left = margin
    for column, column_width in zip(shown, widths, strict=True):
        top = head
        for name, picture in column:
            sheet.paste(Image.fromarray(picture), (left, top))
            top += picture.shape[0]
            text = _truncated(name, caption_font, column_width)
            draw.text((left, top + margin // 3), text, _INK, caption_font)
            top += caption
        left += column_width + margin
    return np.asarray(sheet)


def _share(height: int, caption: int, row: int, rows: int) -> int:
    """Return the height of a picture in a column, so that with captions they fill it."""
    free = height - (rows - 1) * caption
    return max(1, free * (row + 1) // rows - free * row // rows)


def _aspect(picture: NDArray[np.uint8]) -> float:
    return picture.shape[1] / picture.shape[0]


def _at_height(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    return resize(picture, height, max(1, round(_aspect(picture) * height)))


def mosaic(
    pictures: Sequence[NDArray[np.uint8]], cell: int = 160, columns: int = 6
) -> NDArray[np.uint8]:
    """Place pictures (uint8, H×W×3) in a grid of square cells."""
    columns = max(1, min(columns, len(pictures)))
    rows = -(-max(1, len(pictures)) // columns)
    grid = Image.new("RGB", (columns * cell, rows * cell), _BACKGROUND)
    for number, picture in enumerate(pictures):
        _paste_into(grid, picture, number % columns * cell, number // columns * cell, cell)
    return np.asarray(grid)


def grouped_mosaic(
    groups: Sequence[tuple[str, Sequence[tuple[str, NDArray[np.uint8]]]]],
    cell: int = 132,
    columns: int = 20,
    size: int = 10,
) -> NDArray[np.uint8]:
    """Place captioned pictures in a grid, in groups with headings.

    Args:
        groups: The heading and the cells of each group: caption and picture (uint8, H×W×3).
        cell: Width of a cell in pixels.
        columns: Maximum number of columns.
        size: Font size of the captions of pictures.

    Returns:
        uint8, H×W×3.
    """
    line, heading = size + 8, 40
    columns = max([1, *(min(columns, len(cells)) for _, cells in groups)])
    rows = [-(-len(cells) // columns) for _, cells in groups]
    width = max(columns * cell, 4 * cell)
    height = len(groups) * heading + sum(rows) * (cell + line)
    grid = Image.new("RGB", (width, max(1, height)), _BACKGROUND)
    draw = ImageDraw.Draw(grid)
    top = 0
    for (title, cells), count in zip(groups, rows, strict=True):
        draw.text((8, top + 8), _truncated(title, _font(20), width - 16), _INK, _font(20))
        top += heading
        for number, (caption, picture) in enumerate(cells):
            left, upper = number % columns * cell, top + number // columns * (cell + line)
            _paste_into(grid, picture, left, upper, cell)
            text = _truncated(caption, _font(size), cell - 8)
            start = left + (cell - _font(size).getlength(text)) / 2
            draw.text((start, upper + cell), text, _INK, _font(size))
        top += count * (cell + line)
    return np.asarray(grid)


def _paste_into(
    grid: Image.Image, picture: NDArray[np.uint8], left: int, top: int, cell: int
) -> None:
    """Paste a picture into the centre of a square cell."""
    small = resize(picture, *fit_within(picture.shape[0], picture.shape[1], cell - 8))
    at = (left + (cell - small.shape[1]) // 2, top + (cell - small.shape[0]) // 2)
    grid.paste(Image.fromarray(small), at)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans from matplotlib, which covers most languages."""
    found = importlib.util.find_spec("matplotlib")
    assert found is not None and found.origin is not None  # a dependency of the project
    file = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(file, size)


def _font_for(texts: Sequence[tuple[str, int]], size: int) -> ImageFont.FreeTypeFont:
    """Return a font that fits the texts into their widths, down to half of `size`."""
    needed = [width / max(1.0, _font(size).getlength(_in_one_line(text))) for text, width in texts]
    return _font(math.floor(size * max(0.5, min([1.0, *needed]))))


def _truncated(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    text = _in_one_line(text)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _in_one_line(text: str) -> str:
    """Return a text without line breaks, which Pillow can neither measure nor draw."""
    return " ".join(text.split())
