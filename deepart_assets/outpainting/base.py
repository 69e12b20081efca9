"""The protocol of an outpainter, with its request and descriptor types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.ground_tone import GroundTone


@dataclass(frozen=True)
class Descriptor:
    """What a user should know before choosing an outpainter."""

    name: str
    learned: bool
    """Whether it has weights; classical methods have none."""
    uses_prompt: bool
    stochastic: bool = True
    """Whether another seed gives another result, so that several candidates differ."""
    reads_labels: bool = False
    """Whether it reads what the catalogue knows of the painting."""
    reads_ground: bool = False
    """Whether the tone of the ground that was beside the subject guides it."""


@dataclass(frozen=True)
class Request:
    """A surround to generate."""

    picture: NDArray[np.uint8]
    """uint8, H×W×3, RGB; black where unknown."""
    known: NDArray[np.bool_]
    """bool, H×W, True = subject."""
    prompt: str = ""
    """What to paint; only some outpainters read it."""
    negative_prompt: str = ""
    """What not to paint."""
    seed: int = 0
    """The only source of randomness: equal requests give equal results."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the catalogue knows of the painting: id, title, artist, style, genre, date, phash."""
    reference: NDArray[np.uint8] | None = None
    """A picture to take the style from, uint8, H×W×3; None: the subject. Few outpainters look at
    it."""
    ground: GroundTone | None = None
    """The tone of the ground that was beside the subject; None if it is unknown."""


class Outpainter(Protocol):
    """Generates the surround of a subject. Weights are loaded at the first call."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the outpainter; loads nothing."""
        ...

    def weights_hash(self) -> str | None:
        """Return a hash that identifies the weights; None for a classical method.

        Raises:
            UnavailableError: The weights or a package are missing; the message has the remedy.
        """
        ...

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels of several pictures, in a batch where that is faster.

        Returns:
            uint8, H×W×3 each. Known pixels may be changed: `compose` restores them.
        """
        ...
