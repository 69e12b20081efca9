"""What every outpainter is: a protocol, and how it describes itself.

Belongs here: the family's types. Does not belong here: any method, or what is common to the use of
all of them (`compose`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Descriptor:
    """What a user should know before choosing an outpainter."""

    name: str
    learned: bool
    """Whether it has weights; a classical method has none."""
    uses_prompt: bool
    multiple_of: int
    """Both sides of a picture are padded to a multiple of this, never stretched."""
    needs_gpu: bool
    half_precision: bool
    licence: str
    source: str


class Outpainter(Protocol):
    """Invents what is around a subject. Weights are loaded at the first call, not before."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the outpainter; loads nothing."""
        ...

    def weights_hash(self) -> str | None:
        """Return what identifies the weights; None for a classical method.

        Raises:
            UnavailableError: The weights or a package are missing; the message has the remedy.
        """
        ...

    def __call__(
        self,
        picture: NDArray[np.uint8],
        known: NDArray[np.bool_],
        *,
        prompt: str,
        negative_prompt: str,
        seed: int,
    ) -> NDArray[np.uint8]:
        """Fill the unknown pixels.

        Args:
            picture: uint8, H×W×3, RGB; black where unknown.
            known: bool, H×W, True = subject.
            prompt: What to paint, for those that read it.
            negative_prompt: What not to paint.
            seed: The only source of chance: equal arguments give equal results.

        Returns:
            uint8, H×W×3. Known pixels may come back changed: `compose.outpaint` restores them.
        """
        ...
