"""Which ground comes next, so that several choices are not the same thing several times."""

from collections.abc import Collection, Sequence

from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.ranking import CLOSEST, Finalist, is_wall

VARIED = 3
"""So many choices differ, as far as the grounds allow; those after them follow in their order."""
DEARER = 2.0
"""What differs may cost so much more than the best."""
LIGHTER = 10.0
"""Two walls differ by at least so much L*."""


def next_choice(
    ranked: Sequence[Finalist],
    otherwise: Sequence[Finalist],
    taken: Sequence[Finalist],
    seen: Collection[str],
    library: GroundLibrary,
) -> Finalist | None:
    """Return the ground that comes next; None if there is no more.

    The first is the best, the second the best for the contrary guess of where the subject is, the
    third the best of another kind or lightness.

    Args:
        ranked: The grounds, the best first; there may be some twice.
        otherwise: See `ranking.otherwise`.
        taken: What came before.
        seen: Ids of the grounds that were tried.
        library: Of the grounds.
    """

    def untried(finalists: Sequence[Finalist]) -> list[Finalist]:
        return [each for each in finalists if library.grounds[each.index].id not in seen]

    left = untried(ranked)
    if 0 < len(taken) < VARIED:
        if len(taken) == 1 and (contrary := untried(otherwise)):
            return contrary[0]
        for each in left[:CLOSEST]:  # the others have not been looked at
            is_near = each.cost <= left[0].cost + DEARER
            if is_near and all(_differ(each, other, library) for other in taken):
                return each
    return left[0] if left else None


def candidate(
    index: int, ranked: Sequence[Finalist], otherwise: Sequence[Finalist]
) -> Finalist | None:
    """Return a ground as `next_choice` shows it among the candidates; None if it is none.

    Args:
        index: Of the ground in the library.
        ranked: As for `next_choice`; a ground may be in it as a wall and as what it is.
        otherwise: As for `next_choice`.
    """
    first = ranked[:1]
    second = [each for each in otherwise if not first or each.index != first[0].index][:1]
    shown = (*first, *second, *ranked, *otherwise)
    return next((each for each in shown if each.index == index), None)


def _differ(one: Finalist, other: Finalist, library: GroundLibrary) -> bool:
    if _kind(one, library) != _kind(other, library):
        return True
    first, second = (float(library.grounds[each.index].tones[1, 0, 0]) for each in (one, other))
    return abs(first - second) >= LIGHTER


def _kind(finalist: Finalist, library: GroundLibrary) -> str:
    if library.matcher.shows_outdoors[finalist.index]:
        return "outdoors"
    return "wall" if is_wall(finalist, library) else "room"
