"""Which painting is shown to a model beside the subject, to take the style from."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from deepart_assets.names import name_key
from deepart_assets.orchestration.context import Painting
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.labels import years_of

FAR = 1_000_000
"""How far a painting of unknown date is from others."""


def same_artist(
    paintings: Callable[[], Mapping[str, Painting]],
) -> Callable[[Painting], Painting | None]:
    """Return what chooses, for a painting, another one of the same artist.

    Of the artist's, it is the one of the same style, then of the same genre, then nearest in time;
    among equals a hash decides. Never the painting itself, by its file or its title.

    Args:
        paintings: Returns the catalogue by id; called once, at the first choice.
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
