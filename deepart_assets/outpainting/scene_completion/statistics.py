"""Statistics over a library that rankings rely on: hubs, and what a good match costs.

A ground that suits everything is a hub (Radovanović et al. 2010) and would stand behind every
second subject. Subjects of the library itself, each without the paintings of its artist, show which
grounds these are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.names import name_key
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.matching import Matcher, Query

TARGETS = 256
"""Subjects of the library that are tried."""
CHOICES = 3
"""A subject uses its best grounds, so many."""
MOST = 0.03
"""Share of the subjects that may use one ground, before it is made dearer until they are fewer."""
ROUNDS = 40
STEP = 0.15
"""By how much a ground gets dearer in a round, for each time that it is used too often."""


class Costs(NamedTuple):
    """What subjects of the library cost with each ground, T×N."""

    match: NDArray[np.float32]
    """The match's costs."""
    cover: NDArray[np.float32]
    """Those of the placement that is foreseen."""
    counted: NDArray[np.bool_]
    """Which of them count: those of other artists."""


def match_costs(grounds: Sequence[Ground], matcher: Matcher) -> Costs:
    """Compare subjects of the library with all grounds.

    Args:
        grounds: N.
        matcher: Theirs.
    """
    having = [index for index, each in enumerate(grounds) if each.has_subject]
    step = max(1, len(having) // TARGETS)
    artists = np.array([name_key(each.artist) for each in grounds])
    rows, covers, counted = [], [], []
    for target in having[::step][:TARGETS]:
        allowed = (artists != artists[target]) | (artists == "")
        allowed[target] = False
        if allowed.any():
            match = matcher(Query.like(grounds[target]), allowed)
            rows.append(match.costs)
            covers.append(match.cover)
            counted.append(allowed)
    shape = len(rows), len(grounds)
    return Costs(
        np.array(rows, np.float32).reshape(shape),
        np.array(covers, np.float32).reshape(shape),
        np.array(counted, bool).reshape(shape),
    )


def hub_costs(costs: Costs) -> NDArray[np.float32]:
    """Return what is added to the cost of each ground: float32, N.

    The mean of the match's cost is taken away, and grounds that still are among the best of too
    many subjects get dearer, round by round, as in an auction (Bertsekas 1988).

    Args:
        costs: See `match_costs`.
    """
    targets, grounds = costs.counted.shape
    if not targets:
        return np.zeros(grounds, np.float32)
    shares = costs.counted / np.maximum(costs.counted.sum(0), 1)
    means = (costs.match * shares).sum(0)
    extra = np.asarray(means.mean() - means, np.float32)
    most = max(2.0, MOST * targets * CHOICES)
    for _ in range(ROUNDS):
        dear = np.where(costs.counted, costs.match + costs.cover + extra, np.inf)
        best = np.argpartition(dear, min(CHOICES, grounds) - 1, axis=1)[:, :CHOICES]
        used = np.bincount(best.ravel(), minlength=grounds)
        if used.max() <= most:
            break
        extra += np.float32(STEP) * np.maximum(used - most, 0).clip(0, 10).astype(np.float32)
    return extra


def best_costs(costs: Costs, hubs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the best ground of each subject costs: float32, T, rising.

    Args:
        costs: See `match_costs`.
        hubs: N: see `hub_costs`.
    """
    if not len(costs.counted):
        return np.zeros(0, np.float32)
    whole = np.where(costs.counted, costs.match + costs.cover + hubs, np.inf)
    return np.sort(whole.min(1)).astype(np.float32)
