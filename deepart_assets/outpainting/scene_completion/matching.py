"""How well each ground of a library suits a subject, by matrix products over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize
from deepart_assets.outpainting.ground_tone import GroundTone
from deepart_assets.outpainting.scene_completion import probes, titles
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.subject import Subject
from deepart_assets.outpainting.scene_completion.vectors import by_rows, unit

NEIGHBOURS = 8
"""Subjects of the library that tell what ground, tone and kind are to be expected."""
SHARPNESS = 0.12
"""Of the neighbours' weights: the cosine's difference by which one counts e times less."""
LAYOUT = 16
"""Side of the square in which masks and holes are compared before anything is placed."""
TONE = 12
"""Levels of L*a*b* that count as one."""
UNKNOWN_YEAR = 0.7
"""Costs as much as 70 years' distance."""
TOLERABLE = 0.08
"""Share of the picture that may be visible hole before it costs extra."""
WEIGHTS = {
    "subject": 0.8,
    "ground": 1.1,
    "texture": 0.5,
    "palette": 0.3,
    "year": 1.2,
    "tone": 0.9,
    "kind": 2.0,
    "outdoors": 1.6,
}
SETTINGS = {"landscape": 1.0, "interior": 0.0}
"""How likely a subject is outdoors where the catalogue tells the kind of its painting."""
INDOORS = 0.45
"""A subject that is outdoors with a lower probability is taken to be indoors."""
AFLOAT = 0.4
"""A subject that is on open water with at least this probability is given water."""
WITHIN = 0.5
"""Weight of a room for a subject outdoors: before a wall it passes for a portrait."""
PLACED = 1.8
"""Weight of the cost of a placement, foreseen or real."""


@dataclass(frozen=True, eq=False)
class Query:
    """The subject that a ground is wanted for; the vectors are as in `Ground`."""

    vector: NDArray[np.float32]
    texture: NDArray[np.float32]
    palette: NDArray[np.float32]
    tone: NDArray[np.float32]
    year: int | None
    layout: NDArray[np.float32]
    """16×16: how much of each part of the picture the subject covers."""
    cut: bool
    """Whether the frame cuts the subject, so that it needs nothing to stand on."""
    kind: str | None = None
    """Which of `ground.KINDS` the painting is by the catalogue; None if that is unknown."""
    old_ground: tuple[NDArray[np.float32], float] | None = None
    """See `Subject.old_ground`; None if unknown."""
    title: str = ""
    beside: GroundTone | None = None
    """See `Subject.beside`."""

    @classmethod
    def of(
        cls, subject: Subject, year: int | None, kind: str | None = None, title: str = ""
    ) -> "Query":
        """Return the query for a subject that was looked at."""
        layout = layout_of(subject.mask)
        return cls(
            subject.vector,
            subject.texture,
            subject.palette,
            subject.tone,
            year,
            layout,
            subject.base_row is None,
            kind,
            subject.old_ground,
            title,
            subject.beside,
        )

    @property
    def likely_outdoors(self) -> float:
        """How likely the subject is outdoors, by itself and by the tone of its old ground."""
        if self.beside is None:
            return float(probes.likely("outdoors_subject", self.vector[None])[0])
        told = np.concatenate([self.vector, self.beside.features])
        return float(probes.likely("outdoors_told", told[None])[0])

    @classmethod
    def like(cls, ground: Ground) -> "Query":
        """Return the query for the subject of a painting of the library."""
        return cls(
            ground.subject.astype(np.float32),
            ground.texture.astype(np.float32),
            ground.palette.astype(np.float32),
            ground.tones[0].astype(np.float32),
            ground.year,
            layout_of(ground.hole),
            ground.base_row is None,
        )


@dataclass(frozen=True, eq=False)
class Match:
    """What a query costs with each of N grounds, before anything is placed."""

    terms: dict[str, NDArray[np.float32]]
    """Weighted, N each."""
    cover: NDArray[np.float32]
    """N: about what the best placement of each will cost, weighted; not among the terms."""
    still: float
    """How likely the subject is a still life, in [0, 1]."""
    outdoors: float
    """How likely the subject is outdoors, in [0, 1], by the catalogue or by itself."""
    cut: float
    """How likely the frame cuts such a subject, in [0, 1]: a bust or a half-length."""
    is_bust: bool = False
    """Whether its face is too large for a whole figure."""
    afloat: float = 0.0
    """How likely the subject is on open water, in [0, 1]: most of these are ships."""

    @property
    def is_afloat(self) -> bool:
        """Whether the subject may well be a ship, which needs water and no floor."""
        return self.afloat >= AFLOAT

    @property
    def is_indoors(self) -> bool:
        """Whether the subject may well be indoors, so that nothing outdoors should be behind it."""
        return self.outdoors < INDOORS and not self.is_afloat

    @property
    def costs(self) -> NDArray[np.float32]:
        """The sum of the terms: N."""
        return np.asarray(sum(self.terms.values()), np.float32)


class Matcher:
    """The vectors of N grounds, stacked.

    Args:
        grounds: At least two.
    """

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self._has = np.array([each.has_subject for each in grounds])
        known = self._has if self._has.any() else np.ones_like(self._has)
        textures = np.stack([each.texture for each in grounds])
        self._spread = textures[known].std(0, dtype=np.float32) + 1e-3
        self._textures = by_rows(lambda rows: (rows / self._spread).astype(np.float16), textures)
        self._squares = by_rows(lambda rows: (rows**2).sum(1), self._textures)
        subjects = np.stack([each.subject for each in grounds])
        self._mean = subjects[known].mean(0, dtype=np.float32)
        self._subjects = by_rows(lambda rows: unit(rows - self._mean).astype(np.float16), subjects)
        del textures, subjects
        spaces = np.stack([each.ground for each in grounds])
        mean = spaces.mean(0, dtype=np.float32)
        self._grounds = by_rows(lambda rows: unit(rows - mean).astype(np.float16), spaces)
        self.shows_outdoors = (
            by_rows(lambda rows: probes.likely("outdoors_ground", rows), spaces) > 0.5
        )
        """bool, N: the grounds that show something outdoors."""
        self.water = by_rows(lambda rows: probes.likely("water_ground", rows), spaces)
        """float32, N: how likely each shows open water, on which nobody stands."""
        del spaces
        self._palettes = np.stack([each.palette for each in grounds]).astype(np.float32)
        self._tones = np.stack([each.tones[1] for each in grounds]).astype(np.float32)
        self._years = np.array([each.year or 0 for each in grounds])
        self._cut = np.array([each.base_row is None for each in grounds])
        kinds = np.array([each.kind for each in grounds])
        self._still, self._scenery = kinds == "still", kinds == "landscape"
        self._layouts = np.empty((len(grounds), LAYOUT**2), np.float16)
        for layout, each in zip(self._layouts, grounds, strict=True):
            layout[:] = layout_of(each.hole).ravel()
        plain = np.array([each.plain for each in grounds], np.float32)
        self.usual = max(float(np.median(plain)), 1e-6)
        """The median of `Ground.plain`, above 0."""
        self.plain = np.clip(plain / self.usual, 0.2, 2)
        """float32, N: `Ground.plain` over that, in [0.2, 2]."""

    def __call__(self, query: Query, allowed: NDArray[np.bool_]) -> Match:
        """Compare a subject with all grounds.

        Args:
            query: The subject.
            allowed: bool, N: the grounds that may be learnt from.
        """
        own = unit(query.vector - self._mean)
        similar = by_rows(lambda rows: rows @ own, self._subjects)
        known = np.flatnonzero(self._has & allowed)
        near = known[np.argsort(-similar[known], kind="stable")[:NEIGHBOURS]]
        weights = np.exp(similar[near] / SHARPNESS)
        weights /= max(float(weights.sum()), 1e-9)
        spaces = self._grounds[near].astype(np.float32)
        expected = unit(weights @ spaces) if len(near) else np.zeros(384, np.float32)
        unexpected = by_rows(lambda rows: 1 - rows @ expected, self._grounds)
        tone = weights @ self._tones[near, 0] if len(near) else query.tone[0]
        if query.old_ground is not None:
            old, weight = query.old_ground
            tone = tone + weight * (old - tone)
        # Still lifes are rare, so that the neighbours of one are often others.
        is_still = float(weights @ self._still[near])
        still = is_still if query.kind is None else float(query.kind == "still")
        guess = titles.outdoors(query.title, query.likely_outdoors)
        outdoors = SETTINGS.get(query.kind or "", guess)
        off = np.abs(self._tones[:, 0] - tone) / TONE
        paint = query.texture / self._spread
        apart = (
            self._squares - 2 * by_rows(lambda rows: rows @ paint, self._textures) + paint @ paint
        )
        palette = np.abs(self._palettes - query.palette).mean(1) @ np.array([0.5, 1, 1])
        # Scenery outbids walls, as it has nothing to hide, and a still life hardly stands in it.
        scenery = (0.7 if query.cut else 0.3) + 0.5 * still
        terms = {
            "subject": _standard(1 - similar, allowed, self._has),
            "ground": _standard(unexpected, allowed),
            "texture": _standard(np.sqrt(np.maximum(apart, 0) / len(paint)), allowed, self._has),
            "palette": _standard(palette, allowed, self._has),
            "year": self._ages(query.year),
            "tone": off[:, 0] + 0.35 * (off[:, 1] + off[:, 2]),
            "kind": np.where(self._still, 1 - still, still + self._scenery * scenery),
            "outdoors": np.where(self.shows_outdoors, 1 - outdoors, WITHIN * outdoors),
        }
        on_water = float(probes.likely("water_subject", query.vector[None])[0])
        weighted = {name: np.float32(WEIGHTS[name]) * each for name, each in terms.items()}
        cover = np.float32(PLACED) * self._covers(query.layout)
        return Match(
            {name: each.astype(np.float32) for name, each in weighted.items()},
            cover.astype(np.float32),
            still,
            outdoors,
            float(weights @ self._cut[near]),
            afloat=titles.afloat(query.title, on_water),
        )

    def _ages(self, year: int | None) -> NDArray[np.float64]:
        if not year:
            return np.full(len(self._years), UNKNOWN_YEAR)
        apart = np.minimum(np.abs(self._years - year) / 100, 2)
        return np.where(self._years > 0, apart, UNKNOWN_YEAR)

    def _covers(self, layout: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return about what the best placement will cost: the holes' parts outside the subject."""
        seen = np.stack([1 - layout, 1 - layout[:, ::-1]]).reshape(2, -1).T
        visible = by_rows(lambda rows: (rows @ seen).min(1) / LAYOUT**2, self._layouts)
        return visible_cost(visible, self.plain)


def visible_cost(visible: NDArray, plain: NDArray | float) -> NDArray:
    """Return what it costs that a share of the picture shows hole; less in plain grounds."""
    much = np.maximum(visible - TOLERABLE, 0)
    return np.asarray(4 * visible * (0.4 + 0.6 * plain) + 14 * plain * much)


def layout_of(mask: NDArray) -> NDArray[np.float32]:
    """Return a mask or a hole of any size as shares of 16×16 parts: float32, in [0, 1]."""
    return resize(mask.astype(np.float32), LAYOUT, LAYOUT).clip(0, 1)


def _standard(
    values: NDArray, allowed: NDArray[np.bool_], has: NDArray[np.bool_] | None = None
) -> NDArray:
    """Return standard scores; 0 where a ground has no subject to compare."""
    known = allowed if has is None else allowed & has
    if not known.any():
        return np.zeros(len(values))
    scores = (values - values[known].mean()) / (values[known].std() + 1e-9)
    return scores if has is None else np.where(has, scores, 0)
