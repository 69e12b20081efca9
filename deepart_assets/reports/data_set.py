"""The HTML page of a data set (`data_set.html.j2`): selected and rejected paintings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RejectedRow:
    """A rejected painting."""

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
    """Number of paintings, of which `rows` may show fewer."""
    rows: Sequence[RejectedRow]


@dataclass(frozen=True)
class Table:
    """A table of figures; the first column is the name of the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True)
class DataSetPage:
    """The content of the page."""

    title: str
    facts: Sequence[str]
    """Sentences below the title."""
    sheet: str
    """Path of the sheet, relative to the page."""
    tables: Sequence[Table] = ()
    rejected: Sequence[RejectedGroup] = field(default=())


def data_set_html(page: DataSetPage) -> bytes:
    """Return the page as UTF-8 HTML, with all text escaped."""
    from jinja2 import Environment, FileSystemLoader

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, trim_blocks=True)
    return environment.get_template("data_set.html.j2").render(page=page).encode()
