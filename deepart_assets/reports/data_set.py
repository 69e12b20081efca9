"""The HTML page of a data set (`data_set.html.j2`): selected and rejected paintings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def data_set_html(
    title: str,
    facts: Sequence[str],
    sheet: str,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    rejected: Sequence[RejectedGroup],
) -> bytes:
    """Return the page as UTF-8 HTML, with all text escaped.

    Args:
        title: Its title.
        facts: Sentences below it.
        sheet: Path of the sheet, relative to the page.
        tables: Rows of figures by title; the first column is the name of the row.
        rejected: The rejected paintings.
    """
    from jinja2 import Environment, FileSystemLoader

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, trim_blocks=True)
    template = environment.get_template("data_set.html.j2")
    return template.render(
        title=title, facts=facts, sheet=sheet, tables=tables, rejected=rejected
    ).encode()
