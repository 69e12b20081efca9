"""Odd picture files of every kind, and what has to become of each."""

from dataclasses import replace

from deepart_assets_tests.wikiart.odd import Odd
from deepart_assets_tests.wikiart.odd_colours import cmyk, depths, palettes_and_alpha, profiles
from deepart_assets_tests.wikiart.odd_files import (
    clashes,
    damaged,
    formats,
    many_frames,
    names,
    sizes,
    turned,
)


def odd_pictures() -> list[Odd]:
    """Return the corpus. Paths are unique, and so are the bytes except of the duplicates."""
    one_by_one = [
        *formats(),
        *depths(),
        *palettes_and_alpha(),
        *turned(),
        *cmyk(),
        *profiles(),
        *many_frames(),
        *damaged(),
        *sizes(),
    ]
    # Numbered, so that no two have the same id.
    numbered = [replace(odd, path=f"{n:03d}_{odd.path}") for n, odd in enumerate(one_by_one)]
    return [*numbered, *names(), *clashes()]
