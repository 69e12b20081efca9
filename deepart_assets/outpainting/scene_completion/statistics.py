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
    """What T subjects of the library cost with each of N grounds."""

    means: NDArray[np.float64]
    """N: of the match's costs that count; 0 where none does."""
    whole: NDArray[np.float32]
    """T×N: with the placement that is foreseen; infinite where they do not count, as the ground is
    the subject's own or by its artist."""


def match_costs(grounds: Sequence[Ground], matcher: Matcher) -> Costs:
    """Compare subjects of the library with all grounds.

    Args:
        grounds: N.
        matcher: Theirs.
    """
    having = [index for index, each in enumerate(grounds) if each.has_subject]
    tried = np.linspace(0, len(having) - 1, min(len(having), TARGETS)).round().astype(int)
    artists = np.array([name_key(each.artist) for each in grounds])
    targets = [having[each] for each in tried]
    whole = np.empty((len(targets), len(grounds)), np.float32)
    sums, counted = np.zeros(len(grounds)), np.zeros(len(grounds), int)
    filled = 0
    for target in targets:
        allowed = (artists != artists[target]) | (artists == "")
        allowed[target] = False
        if allowed.any():
            match = matcher(Query.like(grounds[target]), allowed)
            costs = match.costs
            whole[filled] = np.where(allowed, costs + match.cover, np.inf)
            sums += np.where(allowed, costs, 0)
            counted += allowed
            filled += 1
    return Costs(sums / np.maximum(counted, 1), whole[:filled])


def hub_costs(costs: Costs) -> NDArray[np.float32]:
    """Return what is added to the cost of each ground: float32, N.

    The mean of the match's cost is taken away, and grounds that still are among the best of too
    many subjects get dearer, round by round, as in an auction (Bertsekas 1988).

    Args:
        costs: See `match_costs`.
    """
    targets, grounds = costs.whole.shape
    extra = np.asarray(costs.means.mean() - costs.means, np.float32)
    most = max(2.0, MOST * targets * CHOICES)
    kept = min(CHOICES, grounds)
    for _ in range(ROUNDS):
        used = np.zeros(grounds, int)
        for each in costs.whole:
            used[np.argpartition(each + extra, kept - 1)[:kept]] += 1
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
    return np.sort([(each + hubs).min() for each in costs.whole]).astype(np.float32)
