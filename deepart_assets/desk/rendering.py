"""The templates and styles of the desk's pages and of the gallery that is written to the lake."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deepart_assets.desk.rows import STATUSES

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent


@cache
def templates() -> "Environment":
    """Return the templates; what they are given is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["statuses"] = STATUSES
    return environment
