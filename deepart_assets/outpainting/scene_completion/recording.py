"""From a finalist to the record of a choice: its colours, what is painted under the subject."""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.colours import colour_map
from deepart_assets.outpainting.scene_completion.ground import SIDE, Ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.matching import Match
from deepart_assets.outpainting.scene_completion.ranking import (
    ASHORE,
    OUT_OF_PLACE,
    Finalist,
    is_wall,
)
from deepart_assets.outpainting.scene_completion.resting import STILL, Rest, rest_for
from deepart_assets.outpainting.scene_completion.structure import NEAR, seen_edge
from deepart_assets.outpainting.scene_completion.subject import Subject
from deepart_assets.outpainting.tone import Colour

STRENGTH = 0.5
"""How much of the colour difference is taken back."""
FARTHEST = np.array([35, 8, 12], np.float32)
"""A wall's L*a*b* is moved so far at most towards that of the old ground."""
DARK, LIGHTER = 20.0, 10.0
"""Before a subject whose contour has less L* than the first a wall has so much more: else both are
one dark field."""
UNSUPPORTED = 0.3
"""A ground carries a base that is seen if its placement costs no more for that."""
EDGE = 7
"""A table or a floor is seen if there is an edge of so much near the base: see `seen_edge`."""
HORIZON = 0.35
"""A floor that is seen begins no higher above the base than this share of the height."""


def choice_of(finalist: Finalist, match: Match, subject: Subject, library: GroundLibrary) -> Choice:
    """Return the record of a finalist.

    Args:
        finalist: A ground that was placed.
        match: Of all grounds of the library.
        subject: The subject.
        library: Of the ground.
    """
    height, width = subject.mask.shape
    ground, laid = library.grounds[finalist.index], finalist.placement
    wall = is_wall(finalist, library)
    gain, shift = colours(subject, ground, wall)
    terms = {name: float(each[finalist.index]) for name, each in match.terms.items()}
    terms |= {"hub": float(library.hubs[finalist.index]), **laid.terms}
    terms["structure"] = finalist.structure
    if match.is_afloat:
        terms["ashore"] = ASHORE * (1 - float(library.matcher.water[finalist.index]))
    if match.is_indoors and library.matcher.shows_outdoors[finalist.index]:
        terms["out of place"] = OUT_OF_PLACE
    return Choice(
        ground=ground.id,
        flip=laid.flip,
        scale=laid.scale * SIDE / min(height, width),
        offset=(laid.offset[0] / height, laid.offset[1] / width),
        gain=gain,
        shift=shift,
        cost=round(finalist.cost, 4),
        fits=not finalist.plain,
        terms={name: round(each, 3) for name, each in terms.items()},
        rest=_rest(finalist, match, subject, library),
        wall=wall,
        light=subject.beside,
    )


def _rest(
    finalist: Finalist, match: Match, subject: Subject, library: GroundLibrary
) -> Rest | None:
    """Return what is painted under a subject; a plane only before a wall that has none."""
    rest = rest_for(subject, match)
    if rest in (None, "body", "ledge"):
        return rest
    ground, placement = library.grounds[finalist.index], finalist.placement
    if not finalist.plain and library.matcher.shows_outdoors[finalist.index]:
        return None

    def edge(above: float) -> float:
        picture, base = library.picture(ground.id, SIDE), subject.rows[1]
        return seen_edge(picture, ground, placement, subject.mask, base, above=above)

    if rest == "table" and (ground.kind == "still" or subject.base_row is None):
        # The rows of both bases agree, but behind many a still life there is no table to see.
        return rest if edge(NEAR[0]) < EDGE else None
    carries = placement.terms["base"] <= UNSUPPORTED
    # What seems to carry may be a bare wall: where no floor begins, nobody sees one.
    if carries and not (is_wall(finalist, library) and edge(HORIZON) < EDGE):
        return None
    # A table has a front, on which no figure stands that may be whole.
    return rest if match.is_bust or match.still >= STILL else "floor"


def colours(subject: Subject, ground: Ground, is_wall: bool) -> tuple[Colour, Colour]:
    """Return gain and shift of L*a*b*; a wall, which may have any tone, takes the old one."""
    has = ground.has_subject
    of_ground = ground.tones[0 if has else 1].astype(np.float32)
    strength = STRENGTH * (1 if has else 0.6)
    gain, shift = colour_map(subject.tone, of_ground, strength)
    if is_wall:
        old, weight = subject.old_ground
        if subject.beside is not None:
            old, weight = np.array(subject.beside.mean, np.float32), 1.0
        meeting = np.clip(old - ground.tones[1, 0], -FARTHEST, FARTHEST)
        shift = shift + weight * (meeting - shift)
        if subject.contour < DARK:
            least = subject.contour + LIGHTER - float(ground.tones[1, 0, 0])
            shift[0] = max(shift[0], min(least, FARTHEST[0]))
    return _rounded(gain), _rounded(shift)


def _rounded(values: NDArray[np.float32]) -> Colour:
    first, second, third = values.astype(float).round(4).tolist()
    return first, second, third
