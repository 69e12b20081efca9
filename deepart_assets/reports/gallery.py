"""The gallery (`gallery.html.j2`): an HTML page with a row per painting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class GalleryRow:
    """One painting on the page."""

    id: str
    caption: str
    style: str
    subject_share: float | None
    """Fraction of the area that is subject, in [0, 1]."""
    sheet: str | None
    """Lake path of the sheet; None if the painting was not restored."""
    reason: str | None = None
    """Why the sheet is missing or stale."""
    support: str | None = None
    """What the painting was photographed with, and what becomes of it."""
    doubt: str | None = None
    """Why the mask should be looked at, and the remedy."""
    picture: str | None = None
    """A `data:` URI to show instead of the sheet."""
    results: Mapping[str, str] = field(default_factory=dict)
    """Lake paths of the full-size results, by caption."""
    grounds: Mapping[str, str] = field(default_factory=dict)
    """Artist, title and year of the painting whose ground an outpainting has, by outpainter."""


def gallery_html(
    title: str, rows: Sequence[GalleryRow], left_out: Sequence[tuple[str, str, str]] = ()
) -> bytes:
    """Return the page as UTF-8 HTML. Its links start from the lake's folder `gallery`.

    Args:
        title: Its heading.
        rows: The paintings.
        left_out: File, reason and remedy of what is not used.
    """
    from jinja2 import Environment, FileSystemLoader

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, trim_blocks=True)
    template = environment.get_template("gallery.html.j2")
    restored = sum(row.sheet is not None for row in rows)
    page = template.render(title=title, rows=rows, restored=restored, left_out=left_out)
    return page.encode()
