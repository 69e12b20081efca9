"""How well a ground suits a subject, by matrix products over the whole library."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.vectors import unit

NEIGHBOURS = 8
WEIGHTS = {
    "subject": 0.8,
    "ground": 1.1,
    "texture": 0.5,
    "palette": 0.3,
    "year": 1.2,
    "tone": 0.9,
    "kind": 2.0,
}
UNKNOWN_YEAR = 0.7
"""Costs as much as 70 years' distance."""


@dataclass(frozen=True, eq=False)
class Query:
    """The subject that a ground is wanted for; the vectors are as in `Ground`."""

    vector: NDArray[np.float32]
    texture: NDArray[np.float32]
    palette: NDArray[np.float32]
    tone: NDArray[np.float32]
    year: int | None

    @classmethod
    def like(cls, ground: Ground) -> "Query":
        """Return the query for the subject of a painting of the library."""
        return cls(
            ground.subject.astype(np.float32),
            ground.texture.astype(np.float32),
            ground.palette.astype(np.float32),
            ground.tones[0].astype(np.float32),
            ground.year,
        )


class Matcher:
    """The vectors of all grounds, stacked, and what they say of subjects and grounds in general.

    Args:
        grounds: At least two.
    """

    def __init__(self, grounds: Sequence[Ground]) -> None:
        self._has = np.array([each.has_subject for each in grounds])
        if not self._has.any():
            self._has[:] = True
        self._subjects = np.stack([each.subject for each in grounds])
        self._grounds = np.stack([each.ground for each in grounds])
        self._textures = np.stack([each.texture for each in grounds])
        self._palettes = np.stack([each.palette for each in grounds])
        self._tones = np.stack([each.tones[1] for each in grounds])
        self._years = np.array([each.year or 0 for each in grounds])
        self._still = np.array([each.kind == "still" for each in grounds])
        self._scenery = np.array([each.kind == "landscape" for each in grounds]) | ~self._has
        known = self._subjects[self._has].astype(np.float32)
        self._mean_subject = known.mean(0)
        self._mean_ground = self._grounds.astype(np.float32).mean(0)
        self._spread = self._textures[self._has].astype(np.float32).std(0) + 1e-3

    def terms(self, query: Query, allowed: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
        """Return the terms of the cost of each ground, N each, weighted.

        Args:
            query: The subject.
            allowed: bool, N: grounds that may be learnt from and that statistics are taken over.
        """
        subjects = unit(self._subjects.astype(np.float32) - self._mean_subject)
        grounds = unit(self._grounds.astype(np.float32) - self._mean_ground)
        vector = unit(query.vector - self._mean_subject)
        similar = subjects @ vector
        candidates = np.flatnonzero(self._has & allowed)
        near = candidates[np.argsort(-similar[candidates], kind="stable")[:NEIGHBOURS]]
        weights = np.exp(similar[near] / 0.12)
        weights /= weights.sum()
        wanted = unit(weights @ grounds[near])
        tone = weights @ self._tones[near, 0].astype(np.float32)
        still = float(weights @ self._still[near])
        missing = ~self._has
        texture = np.sqrt(
            (((self._textures.astype(np.float32) - query.texture) / self._spread) ** 2).mean(1)
        )
        palette = np.abs(self._palettes.astype(np.float32) - query.palette).mean(1)
        off = np.abs(self._tones[:, 0].astype(np.float32) - tone) / 12
        kind = np.where(self._still, 1 - still, still)
        found = {
            "subject": _standard(1 - similar, allowed, missing),
            "ground": _standard(1 - grounds @ wanted, allowed),
            "texture": _standard(texture, allowed, missing),
            "palette": _standard(palette @ np.array([0.5, 1, 1]), allowed, missing),
            "year": self._ages(query.year),
            "tone": off[:, 0] + 0.35 * (off[:, 1] + off[:, 2]),
            "kind": np.where(self._scenery, 0.45 + 0.75 * still, kind),
        }
        return {name: np.asarray(WEIGHTS[name] * each, np.float32) for name, each in found.items()}

    def _ages(self, year: int | None) -> NDArray[np.float64]:
        if not year:
            return np.full(len(self._years), UNKNOWN_YEAR)
        apart = np.minimum(np.abs(self._years - year) / 100, 2)
        return np.where(self._years > 0, apart, UNKNOWN_YEAR)


def _standard(
    values: NDArray, allowed: NDArray[np.bool_], missing: NDArray[np.bool_] | None = None
) -> NDArray:
    """Return standard scores; 0 where the value is missing."""
    known = allowed if missing is None else allowed & ~missing
    if not known.any():
        return np.zeros(len(values))
    scores = (values - values[known].mean()) / (values[known].std() + 1e-9)
    return scores if missing is None else np.where(missing, 0, scores)
