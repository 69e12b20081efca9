"""Patches that teach the probes: what a genre shows where, with the mask of the subject."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize

MOST = 80
"""Patches of one region of a painting that count."""
CERTAIN = 0.7
"""Least confidence of a mask whose inside is taken for a figure."""


class Example(NamedTuple):
    """Patches of one region, and what they are."""

    tokens: NDArray[np.float32]
    """n×384."""
    signs: dict[str, float]
    """By the name of a place: 1 if they are it, -1 if they are not, less if that is likely."""


def examples(
    tokens: NDArray[np.float32],
    subject: NDArray[np.float32],
    lightness: NDArray[np.float32],
    *,
    confidence: float,
    kind: str,
    genre: str,
) -> Iterator[Example]:
    """Return what a painting teaches.

    Args:
        tokens: float32, r×c×384, of the whole picture.
        subject: float32, of any size, in [0, 1]: the segmenter's map.
        lightness: float32, of any size.
        confidence: The segmenter's.
        kind: One of `probes.KINDS`.
        genre: WikiArt's.
    """
    rows, columns = tokens.shape[:2]
    share = resize(subject, rows, columns)
    light = resize(lightness, rows, columns)
    row = np.repeat((np.arange(rows)[:, None] + 0.5) / rows, columns, 1)
    free = share < 0.1
    none = {"figure": -1.0, "sky": -1.0, "water": -1.0, "floor": -1.0}
    found: list[tuple[NDArray[np.bool_], dict[str, float]]] = []
    if kind == "figure":
        if confidence > CERTAIN:
            found.append((share > 0.9, none | {"figure": 1}))
        if re.search("portrait", genre):
            # Behind a portrait there is a wall more often than a sky.
            found.append((free, none | {"sky": -0.5}))
        else:
            found.append((free & (row > 0.9), {"floor": 1, "sky": -1, "water": -1}))
            found.append((free & (row < 0.2), {"floor": -1, "water": -1}))
    elif kind == "landscape":
        bright = light > np.median(light)
        found.append((free & (row < 0.15) & bright, none | {"sky": 1}))
        if re.search("marin|seascape", genre):
            found.append((free & (row > 0.8), none | {"water": 1}))
        else:
            found.append((free & (row > 0.85), none | {"water": -0.3, "floor": 1}))
        found.append((free & (row > 0.3) & (row < 0.6), {"figure": -1}))
    else:
        found.append((free, {"figure": -1, "sky": -1, "water": -1}))
        if kind == "still":
            found.append((share > 0.5, none))
        else:
            found.append((free & (row > 0.85), {"floor": 1}))
            found.append((free & (row < 0.4), {"floor": -1}))
    for where, signs in found:
        if where.any():
            chosen = np.random.default_rng(0).permutation(int(where.sum()))[:MOST]
            yield Example(tokens[where][chosen], signs)
