"""The library of grounds, frozen: a new painting changes no result until it is renewed."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.scene_completion.copies import Catalogue
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.matching import Matcher
from deepart_assets.outpainting.scene_completion.npz import arrays_in, npz_of
from deepart_assets.outpainting.scene_completion.stacking import stacked, unstacked
from deepart_assets.outpainting.scene_completion.statistics import (
    best_costs,
    hub_costs,
    match_costs,
)

Picture = Callable[[str, int], NDArray[np.uint8]]
"""Returns a painting by id, RGB, uint8, its smaller side reduced to the number, never enlarged."""
MINIMUM = 8
"""Fewer usable grounds make no library."""
FITTING = 0.95
"""A match fits if it costs no more than the best one of so many of the library's subjects."""
VERSION = 2
"""Of the file format."""


class GroundLibrary:
    """Grounds that may be lent, and statistics over all of them.

    Args:
        grounds: Usable ones, sorted by id; see `of`.
        hubs: float32, N: what is added to the cost of each; see `statistics.hub_costs`.
        best: float32, rising: what the best ground costs, of subjects of the library.
        picture: Returns the picture of a ground.
    """

    def __init__(
        self,
        grounds: Sequence[Ground],
        hubs: NDArray[np.float32],
        best: NDArray[np.float32],
        picture: Picture,
    ) -> None:
        self.grounds = tuple(grounds)
        self.hubs, self.best = hubs, best
        self.picture = picture
        self._places = {each.id: index for index, each in enumerate(self.grounds)}

    @classmethod
    def of(cls, grounds: Iterable[Ground], picture: Picture) -> "GroundLibrary":
        """Build a library of the usable grounds; the order does not matter.

        Raises:
            UnavailableError: There are fewer than `MINIMUM`.
        """
        usable = sorted((each for each in grounds if each.usable), key=lambda each: each.id)
        if len(usable) < MINIMUM:
            raise UnavailableError(
                f"the library has {len(usable)} usable grounds, and scene completion needs at least"
                f" {MINIMUM}: add paintings that may lend their ground and renew the library, or"
                " choose another outpainter"
            )
        costs = match_costs(usable, Matcher(usable))
        hubs = hub_costs(costs)
        return cls(usable, hubs, best_costs(costs, hubs), picture)

    def __len__(self) -> int:
        """Return the number of grounds."""
        return len(self.grounds)

    def index(self, id: str) -> int:
        """Return the place of a ground in `grounds`; KeyError if there is none."""
        return self._places[id]

    def __getitem__(self, id: str) -> Ground:
        """Return a ground by id; KeyError if there is none."""
        return self.grounds[self._places[id]]

    @cached_property
    def matcher(self) -> Matcher:
        """The stacked vectors."""
        return Matcher(self.grounds)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Names and hashes of the grounds."""
        return Catalogue(self.grounds)

    def fits(self, cost: float) -> bool:
        """Return whether a match, before placement, is as good as most in the library itself."""
        return not len(self.best) or cost <= float(np.quantile(self.best, FITTING))

    def to_bytes(self) -> bytes:
        """Return grounds and statistics in one npz file, without pickle and without pictures."""
        statistics = {"version": np.array(VERSION), "hubs": self.hubs, "best": self.best}
        return npz_of({**statistics, **stacked(self.grounds)})

    @classmethod
    def from_bytes(cls, data: bytes, picture: Picture, name: str) -> "GroundLibrary":
        """Read what `to_bytes` wrote.

        Args:
            data: The file.
            picture: Returns the picture of a ground.
            name: The file's name, for the message.

        Raises:
            UnavailableError: The file is damaged, or another version's.
        """
        try:
            arrays = arrays_in(data)
            if arrays.pop("version", None) != VERSION:
                raise ValueError("another version's")
            hubs, best = arrays.pop("hubs"), arrays.pop("best")
            grounds = unstacked(arrays)
            if len(hubs) != len(grounds):
                raise ValueError("its parts disagree")
        except (ValueError, KeyError, TypeError) as error:
            raise UnavailableError(
                f"{name} is not a library of grounds of this version ({error}): renew it"
            ) from error
        return cls(grounds, hubs, best, picture)
