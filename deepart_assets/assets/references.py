"""What an outpainter knows beside the subject: labels, and a painting to take the style from."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.names import name_key
from deepart_assets.orchestration.context import Painting
from deepart_assets.outpainting.diffusion.canvas import reference_picture
from deepart_assets.settings.diffusion import Diffusers
from deepart_assets.settings.outpainting import Outpainter
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.labels import years_of

FAR = 1_000_000
"""How far a painting of unknown date is from others."""
READ_LABELS = ("title", "artist", "style", "genre", "date")
"""The labels of the painting that its choice of a ground depends on."""


def labels_of(painting: Painting) -> dict[str, str]:
    """Return what a painting's choice of a ground depends on: its id and some labels."""
    return {"id": painting.id} | {
        name: painting.labels[name] for name in READ_LABELS if painting.labels.get(name)
    }


class References:
    """Another painting as the reference of each, where the outpainter's settings want one."""

    def __init__(
        self, outpainter: Outpainter, paintings: Callable[[], Mapping[str, Painting]]
    ) -> None:
        wanted = isinstance(outpainter, Diffusers) and outpainter.reference == "same_artist"
        self._choose = same_artist(paintings) if wanted else None

    def _other(self, painting: Painting) -> Painting | None:
        return self._choose(painting) if self._choose else None

    def identity(self, painting: Painting) -> dict[str, str]:
        """Return what a painting's result depends on of its reference; nothing without one."""
        other = self._other(painting)
        return {"reference": other.sha256} if other else {}

    def picture(self, painting: Painting) -> NDArray[np.uint8] | None:
        """Return the picture to show, uint8, H×W×3; None: the painting's own subject.

        Raises:
            PaintingError: It is missing or cannot be decoded.
        """
        other = self._other(painting)
        return reference_picture(other.original()) if other else None

    def credit(self, painting: Painting) -> str | None:
        """Return what is shown, in words; None where no other painting is wanted."""
        if self._choose is None:
            return None
        other = self._other(painting)
        return other.heading if other else "its own subject"


def same_artist(
    paintings: Callable[[], Mapping[str, Painting]],
) -> Callable[[Painting], Painting | None]:
    """Return what chooses, for a painting, another one of the same artist.

    Of the artist's, it is the one of the same style, then of the same genre, then nearest in time;
    among equals a hash decides. Never the painting itself, by its file or its title.

    Args:
        paintings: Returns the paintings to restore by id; called once, at the first choice.
    """

    @cache
    def by_artist() -> dict[str, list[Painting]]:
        groups = defaultdict(list)
        for each in paintings().values():
            groups[name_key(each.labels["artist"])].append(each)
        return groups

    def chosen(painting: Painting) -> Painting | None:
        artist = name_key(painting.labels["artist"])
        others = [
            each
            for each in (by_artist().get(artist, []) if artist else [])
            if each.id != painting.id
            and each.sha256 != painting.sha256
            and not _is_same(each.labels, painting.labels, "title")
        ]
        return min(others, key=lambda each: _distance(each, painting), default=None)

    return chosen


def _distance(other: Painting, painting: Painting) -> tuple[Any, ...]:
    mine, theirs = years_of(painting.labels["date"]), years_of(other.labels["date"])
    apart = abs(sum(theirs) - sum(mine)) if theirs and mine else FAR
    return (
        not _is_same(other.labels, painting.labels, "style"),
        not _is_same(other.labels, painting.labels, "genre"),
        apart,
        sha256_of(f"{painting.id} {other.id}".encode()),
    )


def _is_same(one: Any, other: Any, label: str) -> bool:
    return name_key(one[label]) == name_key(other[label]) != ""
