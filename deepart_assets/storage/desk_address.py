"""Where the curator's desk runs, for links to its pages."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

from deepart_assets.storage.lake import Lake

DESK = "registers/desk.txt"
"""The lake's file with the address of the curator's desk, while one runs."""


@contextmanager
def desk_at(lake: Lake, address: str) -> Iterator[None]:
    """Note in the lake that a desk runs at an address, for links to its pages.

    Of several desks the one that was started last is noted.
    """
    lake.write(DESK, address.encode())
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            if lake.read(DESK) == address.encode():
                lake.remove(DESK)


def desk_page(lake: Lake, painting: str) -> str | None:
    """Return the address of a painting's page on the desk, or None if no desk runs."""
    try:
        address = lake.read(DESK).decode()
    except FileNotFoundError:
        return None
    return f"{address}p/{quote(painting, safe='')}"
