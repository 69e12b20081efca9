"""Orders the grounds for a subject: all are compared, the finalists are placed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting.scene_completion.ground import SIDE
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.matching import PLACED, Match
from deepart_assets.outpainting.scene_completion.placement import Placement, Placer
from deepart_assets.outpainting.scene_completion.resting import STILL, rest_for
from deepart_assets.outpainting.scene_completion.structure import NEAR, seen_structure
from deepart_assets.outpainting.scene_completion.subject import Subject

FINALISTS = 80
"""Grounds that are placed, of all that are compared."""
PLAIN = 0.6
"""A ground is plain below this share of the library's median."""
PLAIN_ENOUGH, BARE_ENOUGH = 0.8, 0.5
"""Shares of that median: where nothing fits, grounds below the first may come instead, and those
below the second count as equally plain, or the barest wall would stand behind most subjects."""
MOST_VISIBLE = 0.3
"""Share of the picture that may be visible hole in a plain ground."""
CLOSEST = 12
"""Grounds, the cheapest, that are looked at where they were placed."""
BARE = 0.6
"""Structure that a bare wall has; what is above it costs as much again."""
CROWDED = 1.5
"""Above this cost of `structure` the ground of a still life shows the lender's own things."""
OUT_OF_PLACE = 10
"""Costs more than any ground: what is outdoors comes after all that is indoors."""
ASHORE = 6.0
"""What it costs that there is no water for a subject that is on it."""
SURE = 0.1, 0.8
"""A subject that is outdoors, or afloat, with less or more than these probabilities surely is not,
or is."""
BARER = 2.0
"""Where nothing fits it costs more: a wall may take the subject's tone, and a thing stays."""
OUTDOORS, OPEN = 0.5, 5.5
"""Outdoors it costs less, and what is above the second: there is always something to see, a floor
matters more, and one hazy plain would stand behind every second group."""


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


def is_wall(finalist: Finalist, library: GroundLibrary) -> bool:
    """Return whether a ground is a plain one indoors, which may have any tone."""
    matcher, index = library.matcher, finalist.index
    return bool(
        finalist.plain or (matcher.plain[index] < PLAIN and not matcher.shows_outdoors[index])
    )


def finalists(
    match: Match,
    subject: Subject,
    library: GroundLibrary,
    costs: NDArray[np.float32],
    most: int = FINALISTS,
) -> list[Finalist]:
    """Return the best grounds, placed; the cheapest first, those beyond `FINALISTS` after them.

    Args:
        match: Of all N grounds of the library.
        subject: The subject.
        library: Of N grounds.
        costs: float32, N: of match, cover and hubs; infinite for what may not be lent.
        most: How many are placed, at most.
    """
    lendable = int(np.isfinite(costs).sum())
    shortlist = np.argsort(costs, kind="stable")[: min(most, lendable)]
    found = [
        Finalist(index, laid, float(costs[index]) - float(match.cover[index]) + PLACED * laid.cost)
        for index, laid in _placed(shortlist, match, subject, library)
    ]
    return [*_cheapest_first(found[:FINALISTS]), *_cheapest_first(found[FINALISTS:])]


def _placed(
    shortlist: NDArray[np.intp], match: Match, subject: Subject, library: GroundLibrary
) -> Iterator[tuple[int, Placement]]:
    placer, matcher = Placer(subject, match), library.matcher
    for index in shortlist.tolist():
        plain, water = float(matcher.plain[index]), float(matcher.water[index])
        yield index, placer(library.grounds[index], plain, water)


def _cheapest_first(found: Sequence[Finalist]) -> list[Finalist]:
    return sorted(found, key=lambda each: (each.cost, each.index))


def walls_for(match: Match, library: GroundLibrary) -> NDArray[np.bool_]:
    """Return which grounds are plain enough to stand behind anything, where nothing fits: N."""
    fitting = [
        each.kind != "landscape"
        and each.horizon is None
        and (each.kind != "still" or match.still > STILL)
        for each in library.grounds
    ]
    return np.asarray((library.matcher.plain < PLAIN_ENOUGH) & np.array(fitting, bool))


def plain_finalists(
    match: Match, subject: Subject, library: GroundLibrary, allowed: NDArray[np.bool_]
) -> list[Finalist]:
    """Return plain grounds of the subject's tone, handling and time, which suit anything, placed.

    Args:
        match: As for `finalists`.
        subject: As for `finalists`.
        library: As for `finalists`.
        allowed: bool, N: those that may be lent.
    """
    plain, terms = library.matcher.plain, match.terms
    wanted = np.flatnonzero(allowed & walls_for(match, library))
    costs = terms["tone"] + terms["texture"] + terms["year"] + 1.5 * np.maximum(plain, BARE_ENOUGH)
    order = wanted[np.argsort(costs[wanted], kind="stable")[: FINALISTS // 2]]
    found = [
        Finalist(index, laid, float(costs[index]) + 2 * max(laid.visible - 0.05, 0), plain=True)
        for index, laid in _placed(order, match, subject, library)
        if laid.visible < MOST_VISIBLE
    ]
    return _cheapest_first(found)


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

    Returns:
        All but those that were looked at and cannot be read.
    """
    looked = []
    weight, free = (1.0, BARE) if match.is_indoors else (OUTDOORS, OPEN)
    for each in placed[:CLOSEST]:
        ground = library.grounds[each.index]
        try:
            picture = library.picture(ground.id, SIDE)
        except PaintingError:
            continue
        # The edge of a table is wanted under what lies on one.
        is_table = ground.kind == "still" and match.still > STILL
        seen = seen_structure(
            picture,
            ground,
            each.placement,
            subject.mask,
            is_wall=is_wall(each, library),
            down_to=max(subject.rows[1] - NEAR[0], 0.0) if is_table else 1.0,
        )
        dear, bare = (BARER, BARE) if each.plain else (weight, free)
        extra = dear * max(seen / library.matcher.usual - bare, 0.0)
        looked.append(replace(each, cost=each.cost + extra, structure=extra))
    return [*_cheapest_first(looked), *placed[CLOSEST:]]


def ranked(
    match: Match,
    subject: Subject,
    library: GroundLibrary,
    allowed: NDArray[np.bool_],
    most: int = FINALISTS,
) -> list[Finalist]:
    """Return the finalists; where none fits, plain grounds stand before them.

    A subject that may well be indoors gets a ground outdoors last: it looks strange in a meadow,
    while a figure from a meadow before a plain wall passes for a portrait. For the same reason a
    subject outdoors whose base is seen gets no plain ground: it needs something to stand on.

    Args:
        match: As for `finalists`.
        subject: As for `finalists`.
        library: As for `finalists`.
        allowed: bool, N: those that may be lent.
        most: As for `finalists`; a greater one changes nothing in the order of the others.
    """
    costs = _costs(match, library, allowed)
    if match.is_afloat:
        costs = np.asarray(costs + ASHORE * (1 - library.matcher.water), np.float32)
    elif match.is_indoors:
        last = OUT_OF_PLACE * library.matcher.shows_outdoors.astype(np.float32)
        costs = np.asarray(costs + last, np.float32)
    found = finalists(match, subject, library, costs, most)
    found = calmest_first(found, match, subject, library)
    if not found:
        return found
    rest = rest_for(subject, match)
    # Few grounds have a table at the right height, and one is easily painted before a wall. So is
    # a body, which is lost in the shade there, and nowhere else.
    best = found[0]
    is_lively = library.grounds[best.index].kind != "still" or best.structure > CROWDED
    needs_a_wall = rest in ("body", "ledge") or (rest == "table" and is_lively)
    needs_a_scene = match.is_afloat or (rest == "floor" and not match.is_indoors)
    if needs_a_scene or (library.fits(float(costs.min())) and not needs_a_wall):
        return found
    walls = allowed & ~library.matcher.shows_outdoors if match.is_indoors else allowed
    plain = plain_finalists(match, subject, library, walls)
    return [*calmest_first(plain, match, subject, library), *found]


def otherwise(
    match: Match, subject: Subject, library: GroundLibrary, allowed: NDArray[np.bool_]
) -> list[Finalist]:
    """Return what would come first if a subject indoors were outdoors, or afloat, or the reverse.

    Whether it is one or the other is a guess, so that one of several choices allows for the
    contrary; none where the guess is sure, of a still life, and of a body that only a wall hides.

    Args:
        match: As for `finalists`.
        subject: As for `finalists`.
        library: As for `finalists`.
        allowed: bool, N: those that may be lent.
    """
    if match.is_afloat:
        is_sure = match.afloat >= SURE[1]
        return [] if is_sure else ranked(replace(match, afloat=0.0), subject, library, allowed)
    is_sure = not SURE[0] < match.outdoors < SURE[1]
    if is_sure or match.still > STILL or rest_for(subject, match) in ("body", "ledge"):
        return []
    outdoors = library.matcher.shows_outdoors
    if match.is_indoors:
        scenes = _costs(match, library, allowed & outdoors)
        found = finalists(match, subject, library, scenes, CLOSEST)
    else:
        found = plain_finalists(match, subject, library, allowed & ~outdoors)
    return calmest_first(found, match, subject, library)


def _costs(match: Match, library: GroundLibrary, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(allowed, match.costs + match.cover + library.hubs, np.float32(np.inf))
