"""What an outpainter knows beside the subject: labels, and a painting to take the style from."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.asset_names import STYLED_PAINTINGS
from deepart_assets.names import name_key
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.outpainting.diffusion.canvas import reference_picture
from deepart_assets.settings.diffusion import Diffusers
from deepart_assets.settings.outpainting import Outpainter
from deepart_assets.storage import sha256_of
from deepart_assets.wikiart.catalogue import from_parquet
from deepart_assets.wikiart.labels import Years, years_of
from deepart_assets.work import once

FAR = 1_000_000
"""How far a painting of unknown date is from others."""
READ_LABELS = ("title", "artist", "style", "genre", "date")
"""The labels of the painting that its choice of a ground depends on."""


def labels_from(context: StageContext) -> Callable[[Painting], dict[str, str]]:
    """Return what tells what a painting's choice of a ground depends on.

    That is its id, some labels, and the perceptual hash by which its own ground is known. The
    catalogue is read at the first call.
    """

    @once
    def hashes() -> dict[str, str]:
        listed = from_parquet(context.read(STYLED_PAINTINGS))
        return dict(zip(listed["id"], listed["phash"], strict=True))

    def labels_of(painting: Painting) -> dict[str, str]:
        known = {**painting.labels, "phash": hashes().get(painting.id, "")}
        return {"id": painting.id} | {
            name: known[name] for name in (*READ_LABELS, "phash") if known.get(name)
        }

    return labels_of


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

    @cache  # an artist may have thousands, of each of which all others are asked
    def traits_of(artist: str) -> list[_Traits]:
        return [_Traits.of(each) for each in by_artist().get(artist, [])]

    found: dict[str, Painting | None] = {}

    def chosen(painting: Painting) -> Painting | None:
        if painting.id not in found:
            artist, own = name_key(painting.labels["artist"]), _Traits.of(painting)
            others = filter(own.is_another, traits_of(artist) if artist else [])
            found[painting.id] = _nearest(own, list(others))
        return found[painting.id]

    return chosen


class _Traits(NamedTuple):
    """What a painting is compared by, "" where it is not known."""

    painting: Painting
    title: str
    style: str
    genre: str
    years: Years | None

    @classmethod
    def of(cls, painting: Painting) -> "_Traits":
        title, style, genre = (name_key(painting.labels[n]) for n in ("title", "style", "genre"))
        return cls(painting, title, style, genre, years_of(painting.labels["date"]))

    def is_another(self, other: "_Traits") -> bool:
        """Whether it is not this painting, by its id, its file or its title."""
        mine, theirs = self.painting, other.painting
        is_same = self.title == other.title != ""
        return mine.id != theirs.id and mine.sha256 != theirs.sha256 and not is_same

    def distance(self, other: "_Traits") -> tuple[bool, bool, int]:
        """Return how far another painting is: by style, by genre, in time."""
        mine, theirs = self.years, other.years
        return (
            not self.style == other.style != "",
            not self.genre == other.genre != "",
            abs(sum(theirs) - sum(mine)) if theirs and mine else FAR,
        )


def _nearest(own: _Traits, others: Sequence[_Traits]) -> Painting | None:
    """Return the nearest of some paintings; among equals a hash decides."""
    distances = [own.distance(each) for each in others]
    least = min(distances, default=None)
    equals = [e.painting for e, far in zip(others, distances, strict=True) if far == least]
    return min(
        equals, key=lambda each: sha256_of(f"{own.painting.id} {each.id}".encode()), default=None
    )
