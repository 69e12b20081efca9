"""The library of grounds, frozen: a new painting changes no result until it is renewed."""

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting.scene_completion.ground import Ground
from deepart_assets.outpainting.scene_completion.matching import Matcher, Query
from deepart_assets.storage import sha256_of

Picture = Callable[[str, int], NDArray[np.uint8]]
"""Returns a painting by id, RGB, uint8, its smaller side reduced to the number, never enlarged."""
MINIMUM = 8
"""Fewer usable grounds make no library."""
TARGETS = 128
"""Subjects of the library over which a ground's mean cost is taken."""
VERSION = 1
"""Of the file format."""


class GroundLibrary:
    """Grounds that may be lent, and statistics over all of them.

    Args:
        grounds: Usable ones, sorted by id; see `of`.
        mean_costs: float32, N: the mean cost of each over subjects of the library. A ground that
            suits everything is a hub (Radovanović et al. 2010); the mean is subtracted.
        picture: Returns the picture of a ground.
    """

    def __init__(
        self, grounds: Sequence[Ground], mean_costs: NDArray[np.float32], picture: Picture
    ) -> None:
        self.grounds = tuple(grounds)
        self.mean_costs = mean_costs
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
        matcher = Matcher(usable)
        return cls(usable, _mean_costs(usable, matcher), picture)

    def __len__(self) -> int:
        """Return the number of grounds."""
        return len(self.grounds)

    def __getitem__(self, id: str) -> Ground:
        """Return a ground by id; KeyError if there is none."""
        return self.grounds[self._places[id]]

    @cached_property
    def matcher(self) -> Matcher:
        """The stacked vectors."""
        return Matcher(self.grounds)

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        """N: the plainness of each ground over the median, in [0.2, 2]."""
        values = np.array([each.plain for each in self.grounds], np.float32)
        return np.clip(values / max(float(np.median(values)), 1e-6), 0.2, 2)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what decides a ranking: the grounds and the statistics."""
        return sha256_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return grounds and statistics in one npz file, without pickle and without pictures."""
        buffer = io.BytesIO()
        files = [each.to_bytes() for each in self.grounds]
        header = {"version": VERSION, "sizes": [len(each) for each in files]}
        np.savez(
            buffer,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            grounds=np.frombuffer(b"".join(files), np.uint8),
            mean_costs=self.mean_costs,
        )
        return buffer.getvalue()

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
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                header = json.loads(file["header"].tobytes())
                joined, mean_costs = file["grounds"].tobytes(), file["mean_costs"]
            if header["version"] != VERSION:
                raise ValueError("another version's")
            ends = np.cumsum([0, *header["sizes"]])
            if len(mean_costs) != len(ends) - 1 or len(joined) != ends[-1]:
                raise ValueError("its parts disagree")
            grounds = [
                Ground.from_bytes(joined[start:end], name)
                for start, end in itertools.pairwise(ends)
            ]
        except (
            *(OSError, EOFError, ValueError, KeyError, TypeError),
            *(zipfile.BadZipFile, PaintingError),
        ) as error:
            raise UnavailableError(
                f"{name} is not a library of grounds of this version ({error}): renew it"
            ) from error
        return cls(grounds, mean_costs, picture)


def _mean_costs(grounds: Sequence[Ground], matcher: Matcher) -> NDArray[np.float32]:
    """Return each ground's mean cost over subjects of the library, its own left out."""
    having = [index for index, each in enumerate(grounds) if each.has_subject]
    if not having:
        return np.zeros(len(grounds), np.float32)
    step = max(1, len(having) // TARGETS)
    total, count = np.zeros(len(grounds)), np.zeros(len(grounds))
    for target in having[::step]:
        allowed = np.array([each.artist != grounds[target].artist for each in grounds])
        allowed |= np.array([not each.artist for each in grounds])
        allowed[target] = False
        if not allowed.any():
            continue
        terms = matcher.terms(Query.like(grounds[target]), allowed)
        total += np.where(allowed, sum(terms.values()), 0)
        count += allowed
    mean = total / np.maximum(count, 1)
    return np.asarray(mean - mean.mean(), np.float32)
