"""Opens TIFF files, and finds their main picture, its size and its resolution."""

import contextlib
import io
import logging
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first bytes of a TIFF file, classic and big."""

_INCH, _CENTIMETRE = 2, 3
_TAG, _PRIVATE, _ICC = re.compile(r"TiffTag (\d+)"), 1000, 34675


def tiff_size(data: bytes) -> tuple[int, int]:
    """Return width and height of the main picture."""
    with opened_tiff(data) as tiff:
        page, _ = main_page(tiff)
        return page.imagewidth, page.imagelength


def tiff_dots_per_inch(data: bytes) -> float:
    """Return the resolution of the main picture.

    Raises:
        Exception: It names none, or one that makes no sense.
    """
    with opened_tiff(data) as tiff:
        tags = main_page(tiff)[0].tags
        over, under = tags[282].value
        unit = tags[296].value if 296 in tags else _INCH
        return over / under * {_INCH: 1.0, _CENTIMETRE: 2.54}[unit]


@contextlib.contextmanager
def opened_tiff(data: bytes) -> "Iterator[TiffFile]":
    """Open a TIFF; what tifffile logs of a tag that matters is raised, other tags may be broken."""
    import tifffile

    log, collected = logging.getLogger("tifffile"), _Collected()
    log.addHandler(collected)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            yield tiff
        for message in collected.messages:
            tag = _TAG.search(message)
            if tag is None or int(tag[1]) < _PRIVATE or int(tag[1]) == _ICC:
                raise ValueError(message)
    finally:
        log.removeHandler(collected)


class _Collected(logging.Handler):
    """Collects the errors of this thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.messages.append(record.getMessage())


def main_page(tiff: "TiffFile") -> tuple["TiffPage", list[str]]:
    """Return the largest page that is not marked as reduced or as a mask, and what to warn of.

    Raises:
        ValueError: It has no page or endless ones, or a page has no proper size.
    """
    found: list[TiffPage] = []
    offsets: set[int] = set()
    for page in tiff.pages:
        if page.offset in offsets:  # tifffile itself looks at every hundredth page only
            raise ValueError("its list of pages is a circle")
        offsets.add(page.offset)
        found.append(page.aspage())
        found += [sub.aspage() for sub in page.aspage().pages or ()]
    if not found:
        raise ValueError("it has no page")
    sides = [side for page in found for side in (page.imagewidth, page.imagelength)]
    if not all(isinstance(side, int) for side in sides):
        raise ValueError("its size is not a number")
    marked = [page for page in found if not _marks(page) & 0b101]
    page = max(marked or found, key=lambda page: page.imagewidth * page.imagelength)
    if min(page.imagewidth, page.imagelength) <= 0:
        raise ValueError("its size is not a number above 0")
    equal = sum(each.shape[:2] == page.shape[:2] for each in marked)
    if equal > 1:
        return page, [f"it has {equal} pages of this size, of which the first is taken"]
    return page, []


def _marks(page: "TiffPage") -> int:
    """Return the bits of NewSubfileType; the older SubfileType says 2 for reduced."""
    new, old = page.tags.get(254), page.tags.get(255)
    return (int(new.value) if new else 0) | (1 if old is not None and old.value == 2 else 0)
