"""Orders the grounds for a subject: all are compared, the finalists are placed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import SIDE, Ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.matching import PLACED, Match
from deepart_assets.outpainting.scene_completion.placement import Placement, Placer
from deepart_assets.outpainting.scene_completion.resting import STILL
from deepart_assets.outpainting.scene_completion.structure import seen_structure
from deepart_assets.outpainting.scene_completion.subject import Subject

FINALISTS = 80
"""Grounds that are placed, of all that are compared."""
PLAIN = 0.6
"""A ground is plain below this share of the library's median."""
MOST_VISIBLE = 0.3
"""Share of the picture that may be visible hole in a plain ground."""
CLOSEST = 12
"""Grounds, the cheapest, that are looked at where they were placed."""
BARE = 0.6
"""Structure that a bare wall has; what is above it costs as much again."""
OUTDOORS = 0.5
"""Outdoors it costs less: there is always something to see, and a floor matters more."""


@dataclass(frozen=True)
class Finalist:
    """A ground that was placed."""

    index: int
    """In the library."""
    placement: Placement
    cost: float
    plain: bool = False
    """Whether it is only here because it is plain."""
    structure: float = 0.0
    """What its cost has for the things in it that would be seen."""


def finalists(
    match: Match,
    subject: Subject,
    grounds: Sequence[Ground],
    plain: NDArray[np.float32],
    costs: NDArray[np.float32],
) -> list[Finalist]:
    """Return the best grounds, placed; the cheapest first.

    Args:
        match: Of all N grounds.
        subject: The subject.
        grounds: N.
        plain: float32, N: their plainness over the median.
        costs: float32, N: of match, cover and hubs; infinite for what may not be lent.
    """
    lendable = int(np.isfinite(costs).sum())
    shortlist = np.argsort(costs, kind="stable")[: min(FINALISTS, lendable)]
    placer = Placer(subject, match)
    found = []
    for index in shortlist.tolist():
        placement = placer(grounds[index], float(plain[index]))
        cost = float(costs[index]) - float(match.cover[index]) + PLACED * placement.cost
        found.append(Finalist(index, placement, cost))
    return sorted(found, key=lambda each: (each.cost, each.index))


def plain_finalists(
    match: Match,
    subject: Subject,
    grounds: Sequence[Ground],
    plain: NDArray[np.float32],
    allowed: NDArray[np.bool_],
) -> list[Finalist]:
    """Return plain grounds of the subject's tone and handling, which suit anything, placed.

    Args:
        match: As for `finalists`.
        subject: As for `finalists`.
        grounds: As for `finalists`.
        plain: As for `finalists`.
        allowed: bool, N: those that may be lent.
    """
    fitting = [
        each.kind != "landscape"
        and each.horizon is None
        and (each.kind != "still" or match.still > STILL)
        for each in grounds
    ]
    wanted = np.flatnonzero(allowed & (plain < PLAIN) & np.array(fitting, bool))
    terms = match.terms
    costs = terms["tone"] + 0.5 * (terms["texture"] + terms["year"]) + 1.5 * plain
    order = wanted[np.argsort(costs[wanted], kind="stable")[: FINALISTS // 2]]
    placer = Placer(subject, match)
    found = []
    for index in order.tolist():
        placement = placer(grounds[index], float(plain[index]))
        if placement.visible < MOST_VISIBLE:
            extra = 2 * max(placement.visible - 0.05, 0)
            found.append(Finalist(index, placement, float(costs[index]) + extra, plain=True))
    return sorted(found, key=lambda each: (each.cost, each.index))


def calmest_first(
    placed: Sequence[Finalist], match: Match, subject: Subject, library: GroundLibrary
) -> list[Finalist]:
    """Order placed grounds anew by what would be seen of them: a column competes with a head.

    `Ground.plain` only knows the paint next to the hole, not the rest of the picture. Only the
    `CLOSEST` are looked at; the others follow.

    Args:
        placed: As `finalists` or `plain_finalists` return them.
        match: Of all N grounds.
        subject: The subject.
        library: Of these grounds.
    """
    looked = []
    weight = 1.0 if match.is_indoors else OUTDOORS
    for each in placed[:CLOSEST]:
        ground = library.grounds[each.index]
        picture = library.picture(ground.id, SIDE)
        seen = seen_structure(picture, ground, each.placement, subject.mask)
        # The edge of a table is wanted under what lies on one.
        is_table = ground.kind == "still" and match.still > STILL
        extra = 0.0 if is_table else weight * max(seen / library.matcher.usual - BARE, 0.0)
        looked.append(replace(each, cost=each.cost + extra, structure=extra))
    looked.sort(key=lambda each: (each.cost, each.index))
    return [*looked, *placed[CLOSEST:]]
