"""The outpainter that lends the ground of another painting."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import resize, working_size
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.scene_completion import composition
from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.copies import ALIKE, CopyCheck
from deepart_assets.outpainting.scene_completion.ground import SIDE, Ground, kind_of, year_of
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.matching import Match, Query, rim_weight
from deepart_assets.outpainting.scene_completion.ranking import (
    PLAIN,
    Finalist,
    calmest_first,
    finalists,
    plain_finalists,
)
from deepart_assets.outpainting.scene_completion.resting import Rest, rest_for
from deepart_assets.outpainting.scene_completion.strangers import FindFaces, StrangerCheck
from deepart_assets.outpainting.scene_completion.structure import seen_edge
from deepart_assets.outpainting.scene_completion.subject import Subject

STRENGTH = 0.5
"""How much of the colour difference is taken back."""
FARTHEST = np.array([20, 8, 12], np.float32)
"""A wall's L*a*b* is moved so far at most towards that of the subject's rim."""
UNSUPPORTED = 0.3
"""A ground carries a base that is seen if its placement costs no more for that."""
EDGE = 7
"""A table is seen if there is an edge of so much near the base: see `seen_edge`."""
OUT_OF_PLACE = 10
"""Costs more than any ground: what is outdoors comes after all that is indoors."""


class SceneCompletionOutpainter:
    """Ranks the grounds of a library for a subject, lays the best one and joins it.

    Hays and Efros 2007, "Scene completion using millions of photographs", turned to paintings: the
    ground's own subject is hidden behind ours or filled, and its colours follow ours.

    Args:
        library: Returns the library; called at the first use.
        faces: A ground in which it finds a face beside the subject comes last; None: faces are
            not looked for.
    """

    descriptor = Descriptor(
        name="Scene completion",
        learned=False,
        uses_prompt=False,
        multiple_of=1,
        needs_gpu=False,
        half_precision=False,
        licence="Apache-2.0; what it paints is the lender's",
        source="Hays and Efros 2007, Scene completion using millions of photographs",
    )

    def __init__(
        self, library: Callable[[], GroundLibrary], faces: FindFaces | None = None
    ) -> None:
        self._find = library
        self._is_strange = StrangerCheck(faces or (lambda picture: []))

    @cached_property
    def library(self) -> GroundLibrary:
        """The library of grounds."""
        return self._find()

    def weights_hash(self) -> str:
        """Return the SHA-256 of the library.

        Raises:
            UnavailableError: There is none; the message has the remedy.
        """
        return self.library.hash

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Lay the ground that each request's `candidate` asks for; the last if there are fewer.

        Raises:
            PaintingError: As for `choose`.
        """
        results = []
        for request in requests:
            choices = self.choose(request, request.candidate + 1)
            results.append(self.render(request, choices[-1]))
        return results

    def choose(
        self,
        request: Request,
        count: int = 3,
        *,
        first: str | None = None,
        excluded: Collection[str] = (),
    ) -> list[Choice]:
        """Return the best grounds for a subject, the best first.

        Args:
            request: A subject of any size.
            count: How many are wanted; there may be fewer.
            first: The id of a ground that comes before the best, whatever it costs.
            excluded: The ids of grounds that are passed over; ids that the library does not have
                are ignored.

        Raises:
            PaintingError: There is no subject, it is torn, no ground is left, or `first` is not in
                the library or shows the painting itself.
        """
        height, width = working_size(request.known.shape[0], request.known.shape[1], SIDE)
        mask = resize(request.known.astype(np.float32), height, width) >= 0.5
        subject = Subject.of(resize(request.picture, height, width), mask)
        if fault := subject.fault():
            raise PaintingError(
                f"{fault}: correct the mask, or choose another outpainter for this painting"
            )
        year = year_of(request.labels.get("date", ""))
        library = self.library
        allowed = ~library.catalogue.own(request.labels)
        if not allowed.any():
            raise PaintingError("the library has no ground but the painting's own")
        match = library.matcher(Query.of(subject, year, kind_of(request.labels)), allowed)
        ranked = self._ranked(match, subject, allowed)
        if first is not None:
            ranked = [*self._placed(first, match, subject, allowed), *ranked]
        is_copy, passed = CopyCheck(subject), set(excluded) - {first}
        found, strange = list[Choice](), list[Choice]()
        for finalist in ranked:
            ground = library.grounds[finalist.index]
            if ground.id in passed:
                continue
            passed.add(ground.id)
            alike = float(subject.vector @ ground.subject.astype(np.float32))
            picture = library.picture(ground.id, SIDE)
            if alike > ALIKE or is_copy(picture):
                if ground.id == first:
                    raise PaintingError(_own_ground(first))
                continue
            is_last = ground.id != first and self._is_strange(
                picture, ground, finalist.placement, subject.mask
            )
            choice = self._choice(finalist, match, subject, ground)
            (strange if is_last else found).append(choice)
            if len(found) == count:
                break
        found = [*found, *strange][:count]
        if not found:
            raise PaintingError(
                "no other ground of the library suits the subject: exclude fewer grounds"
                if excluded
                else "all grounds that suit the subject are copies of the painting"
            )
        return found

    def _placed(
        self, wanted: str, match: Match, subject: Subject, allowed: NDArray[np.bool_]
    ) -> list[Finalist]:
        """Return the ground of an id, placed."""
        library = self.library
        try:
            index = library.index(wanted)
        except KeyError as error:
            raise PaintingError(
                f"there is no ground {wanted!r} in the library: name another"
            ) from error
        if not allowed[index]:
            raise PaintingError(_own_ground(wanted))
        costs = np.full(len(library), np.inf, np.float32)
        costs[index] = match.costs[index] + match.cover[index] + library.hubs[index]
        placed = finalists(match, subject, library.grounds, library.matcher.plain, costs)
        return calmest_first(placed, match, subject, library)

    def _ranked(self, match: Match, subject: Subject, allowed: NDArray[np.bool_]) -> list[Finalist]:
        """Return the finalists; where none fits, plain grounds stand before them.

        A subject that may well be indoors gets a ground outdoors last: it looks strange in a
        meadow, while a figure from a meadow before a plain wall passes for a portrait. For the
        same reason a subject outdoors whose base is seen gets no plain ground: it needs something
        to stand on.
        """
        library = self.library
        given = (match, subject, library.grounds, library.matcher.plain)
        costs = match.costs + match.cover + library.hubs
        if match.is_indoors:
            costs = costs + np.float32(OUT_OF_PLACE) * library.matcher.shows_outdoors
        costs = np.where(allowed, costs, np.float32(np.inf))
        ranked = finalists(*given, costs)
        rest = rest_for(subject, match)
        # Few grounds have a table at the right height, and one is easily painted before a wall.
        needs_a_table = rest == "table" and library.grounds[ranked[0].index].kind != "still"
        needs_a_floor = rest == "floor" and not match.is_indoors
        if needs_a_floor or (library.fits(float(costs.min())) and not needs_a_table):
            return calmest_first(ranked, match, subject, library)
        walls = allowed & ~library.matcher.shows_outdoors if match.is_indoors else allowed
        plain = plain_finalists(*given, walls)
        return [*calmest_first(plain, match, subject, library), *ranked]

    def _choice(self, finalist: Finalist, match: Match, subject: Subject, ground: Ground) -> Choice:
        """Return the record of a finalist."""
        height, width = subject.mask.shape
        laid = finalist.placement
        is_wall = finalist.plain or bool(self.library.matcher.plain[finalist.index] < PLAIN)
        gain, shift = self._colours(subject, ground, is_wall)
        terms = {name: float(each[finalist.index]) for name, each in match.terms.items()}
        terms |= {"hub": float(self.library.hubs[finalist.index]), **laid.terms}
        terms["structure"] = finalist.structure
        if match.is_indoors and self.library.matcher.shows_outdoors[finalist.index]:
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
            rest=self._rest(finalist, match, subject),
        )

    def _rest(self, finalist: Finalist, match: Match, subject: Subject) -> Rest | None:
        """Return what is painted under a subject; a plane only before a wall that has none."""
        rest = rest_for(subject, match)
        if rest is None or rest == "body":
            return rest
        ground = self.library.grounds[finalist.index]
        placement = finalist.placement
        if not finalist.plain and self.library.matcher.shows_outdoors[finalist.index]:
            return None
        if rest == "table" and (ground.kind == "still" or subject.base_row is None):
            # The rows of both bases agree, but behind many a still life there is no table to see.
            picture = self.library.picture(ground.id, SIDE)
            edge = seen_edge(picture, ground, placement, subject.mask, subject.rows[1])
            return rest if edge < EDGE else None
        return rest if placement.terms["base"] > UNSUPPORTED else None

    def lent(self, choice: Choice, shape: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
        """Return the lender's picture for a result of some height and width.

        Returns:
            uint8, RGB, no larger than needed nor than the original; and how many times it will be
            enlarged, above 1 where the original is too small.

        Raises:
            PaintingError: The ground is no longer in the library.
        """
        ground = self._ground(choice)
        wanted = min(shape) / SIDE * choice.scale * min(ground.shape)
        picture = self.library.picture(ground.id, int(np.ceil(wanted)))
        return picture, wanted / min(picture.shape[:2])

    def _ground(self, choice: Choice) -> Ground:
        try:
            return self.library[choice.ground]
        except KeyError as error:
            raise PaintingError(
                f"{choice.ground} is no longer in the library: choose a ground again"
            ) from error

    def render(
        self, request: Request, choice: Choice, lent: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Lay the chosen ground under a subject.

        Args:
            request: The subject that it was chosen for, or the same enlarged: the ground is taken
                from the lender's picture at the size that is needed.
            choice: Of `choose`.
            lent: The picture that `lent` returned, if it is at hand.

        Returns:
            uint8, H×W×3, of the request's size; the subject's pixels are unchanged.

        Raises:
            PaintingError: The ground is no longer in the library.
            UnavailableError: PyPatchMatch is missing.
        """
        if lent is None:
            height, width = request.known.shape
            lent, _ = self.lent(choice, (height, width))
        laid = composition.lay(
            lent,
            self._ground(choice),
            request.known,
            scale=choice.scale,
            offset=choice.offset,
            flip=choice.flip,
        )
        gain, shift = (np.array(each, np.float32) for each in (choice.gain, choice.shift))
        return composition.finish(
            laid, request.picture, request.known, gain, shift, rest=choice.rest
        )

    @staticmethod
    def _colours(
        subject: Subject, ground: Ground, is_wall: bool
    ) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return gain and shift; a wall, which may have any tone, takes that of the rim."""
        has = ground.has_subject
        of_ground = ground.tones[0 if has else 1].astype(np.float32)
        strength = STRENGTH * (1 if has else 0.6)
        gain, shift = composition.colour_map(subject.tone, of_ground, strength)
        if is_wall:
            rim, foreign = subject.rim
            meeting = np.clip(rim - ground.tones[1, 0], -FARTHEST, FARTHEST)
            shift = shift + rim_weight(foreign) * (meeting - shift)
        (g0, g1, g2), (s0, s1, s2) = (
            each.astype(float).round(4).tolist() for each in (gain, shift)
        )
        return (g0, g1, g2), (s0, s1, s2)


def _own_ground(ground: str) -> str:
    return f"the ground {ground!r} shows the painting itself: name another"
