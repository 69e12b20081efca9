"""The HTML page of a data set (`data_set.html.j2`): selected and rejected paintings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RejectedRow:
    """A painting that was not taken."""

    id: str
    caption: str
    reason: str
    picture: str | None = None
    """A `data:` URI."""


@dataclass(frozen=True)
class RejectedGroup:
    """The paintings that one rule rejected."""

    title: str
    count: int
    """All of them; `rows` may be fewer."""
    rows: Sequence[RejectedRow]


@dataclass(frozen=True)
class Table:
    """Figures in rows; the first column names the row, the others are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True)
class DataSetPage:
    """Everything on the page."""

    title: str
    facts: Sequence[str]
    """Sentences below the title."""
    sheet: str
    """Path of the sheet, relative to the page."""
    tables: Sequence[Table] = ()
    rejected: Sequence[RejectedGroup] = field(default=())


def data_set_html(page: DataSetPage) -> bytes:
    """Return the page as HTML in UTF-8; all texts are escaped."""
    from jinja2 import Environment, FileSystemLoader

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, trim_blocks=True)
    return environment.get_template("data_set.html.j2").render(page=page).encode()
