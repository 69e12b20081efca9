"""The outpainter that lends the ground of another painting."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
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
from deepart_assets.outpainting.scene_completion.matching import Match, Query
from deepart_assets.outpainting.scene_completion.ranking import (
    FINALISTS,
    Finalist,
    calmest_first,
    finalists,
    otherwise,
    ranked,
    walls_for,
)
from deepart_assets.outpainting.scene_completion.recording import choice_of
from deepart_assets.outpainting.scene_completion.resting import CORNER
from deepart_assets.outpainting.scene_completion.strangers import (
    Face,
    FindFaces,
    is_bust,
    shows_stranger,
)
from deepart_assets.outpainting.scene_completion.subject import Subject
from deepart_assets.outpainting.scene_completion.variety import candidate, next_choice
from deepart_assets.storage import sha256_of


class SceneCompletionOutpainter:
    """Ranks the grounds of a library for a subject, lays the best one and joins it.

    Hays and Efros 2007, "Scene completion using millions of photographs", turned to paintings: the
    ground's own subject is hidden behind ours or filled, and its colours follow ours.

    Args:
        library: Returns the library; called at the first use.
        faces: A ground in which it finds a face beside the subject comes last, and a subject
            whose face is large stands on no floor; None: faces are not looked for.
    """

    descriptor = Descriptor(name="Scene completion", learned=False, uses_prompt=False)

    def __init__(
        self, library: Callable[[], GroundLibrary], faces: FindFaces | None = None
    ) -> None:
        self._find = library
        self._faces = faces or (lambda picture: [])
        self._found: dict[str, Sequence[Face]] = {}

    @cached_property
    def library(self) -> GroundLibrary:
        """The library of grounds."""
        return self._find()

    def weights_hash(self) -> str:
        """Return the SHA-256 of the library.

        Raises:
            UnavailableError: There is none; the message has the remedy.
        """
        return sha256_of(self.library.to_bytes())

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Lay the best ground for each request.

        Raises:
            PaintingError: As for `choose`.
        """
        return [self.render(request, self.choose(request, 1)[0]) for request in requests]

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
        subject = Subject.of(resize(request.picture, height, width), mask, request.ground)
        if fault := subject.fault():
            raise PaintingError(
                f"{fault}: correct the mask, or choose another outpainter for this painting"
            )
        library, labels = self.library, request.labels
        allowed = ~library.catalogue.own(labels)
        if not allowed.any():
            raise PaintingError("the library has no ground but the painting's own")
        year = year_of(labels.get("date", ""))
        query = Query.of(subject, year, kind_of(labels), labels.get("title", ""))
        match = library.matcher(query, allowed)
        if subject.framed < CORNER:
            match = replace(match, is_bust=is_bust(self._faces(subject.picture), mask))
        passed = set(excluded) - {first}
        # Those that are passed over take no place from others.
        best = ranked(match, subject, library, allowed, FINALISTS + len(passed))
        contrary: list[Finalist] | None = None
        if first is not None:
            index = self._index(first, allowed)
            contrary = otherwise(match, subject, library, allowed)
            wanted = candidate(index, best, contrary) or self._placed(index, match, subject)
            best = [wanted, *best]
        is_copy = CopyCheck(subject)
        found, strange, taken = list[Choice](), list[Choice](), list[Finalist]()
        seen = set[str]()
        while len(found) < count:
            if taken and contrary is None:
                contrary = otherwise(match, subject, library, allowed)
            finalist = next_choice(best, contrary or [], taken, seen, library)
            if finalist is None:
                break
            ground = library.grounds[finalist.index]
            seen.add(ground.id)
            if ground.id in passed:
                taken.append(finalist)
                continue
            if (picture := self._picture(ground)) is None:
                continue
            alike = float(subject.vector @ ground.subject.astype(np.float32))
            if alike > ALIKE or is_copy(picture):
                if ground.id == first:
                    raise PaintingError(_own_ground(first))
                continue
            taken.append(finalist)
            is_last = ground.id != first and shows_stranger(
                self._faces_of(ground, picture), picture, ground, finalist.placement, mask
            )
            (strange if is_last else found).append(choice_of(finalist, match, subject, library))
        found = [*found, *strange][:count]
        if not found:
            raise self._none_left(allowed, excluded)
        return found

    def _none_left(self, allowed: NDArray[np.bool_], excluded: Collection[str]) -> PaintingError:
        """Return why no ground is left; raises where one cannot be read."""
        for index in np.flatnonzero(allowed).tolist():
            self.library.picture(self.library.grounds[index].id, SIDE)
        return PaintingError(
            "no other ground of the library suits the subject: exclude fewer grounds"
            if excluded
            else "all grounds that suit the subject are copies of the painting"
        )

    def _picture(self, ground: Ground) -> NDArray[np.uint8] | None:
        """Return the picture of a ground as it is looked at; None if it cannot be read."""
        try:
            return self.library.picture(ground.id, SIDE)
        except PaintingError:
            return None

    def _faces_of(self, ground: Ground, picture: NDArray[np.uint8]) -> Sequence[Face]:
        """Return the faces in a ground, looked for once: a plain wall is chosen often."""
        if ground.id not in self._found:
            self._found[ground.id] = self._faces(picture)
        return self._found[ground.id]

    def _index(self, wanted: str, allowed: NDArray[np.bool_]) -> int:
        """Return the place of a ground that is asked for, and can be lent."""
        try:
            index = self.library.index(wanted)
        except KeyError as error:
            raise PaintingError(
                f"there is no ground {wanted!r} in the library: name another"
            ) from error
        if not allowed[index]:
            raise PaintingError(_own_ground(wanted))
        self.library.picture(wanted, SIDE)  # raises where it cannot be read
        return index

    def _placed(self, index: int, match: Match, subject: Subject) -> Finalist:
        """Return a ground that is no candidate, placed."""
        library = self.library
        costs = np.full(len(library), np.inf, np.float32)
        costs[index] = match.costs[index] + match.cover[index] + library.hubs[index]
        is_plain = bool((walls_for(match, library) & ~library.matcher.shows_outdoors)[index])
        placed = [
            replace(each, plain=is_plain) for each in finalists(match, subject, library, costs)
        ]
        return calmest_first(placed, match, subject, library)[0]

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
        laid = composition.lay(lent, self._ground(choice), request.known, choice)
        return composition.finish(laid, request.picture, request.known, choice)


def _own_ground(ground: str) -> str:
    return f"the ground {ground!r} shows the painting itself: name another"
