"""What every segmenter is: a protocol, what it predicts, and how it describes itself.

Belongs here: the family's types. Does not belong here: any network, or what a mask is used for.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Descriptor:
    """What a user should know before choosing a segmenter."""

    name: str
    input_size: tuple[int, int]
    """Height and width of the network's input in pixels."""
    keeps_aspect: bool
    """Whether pictures are padded to the input size (True) or stretched (False)."""
    needs_gpu: bool
    half_precision: bool
    licence: str
    source: str


@dataclass(frozen=True)
class Prediction:
    """A soft subject mask and how sure of it the segmenter is."""

    mask: NDArray[np.float32]
    """float32, H×W, in [0, 1], 1 = subject; the picture's own size."""
    contrast: float
    """How clearly the subject stands out, in [0, 1]: the mean of the segmenter's own map inside
    the subject minus the mean outside; 0 where nothing stands out."""


class Segmenter(Protocol):
    """Finds the subject of a painting. Weights are loaded at the first call, not before."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the segmenter; loads nothing."""
        ...

    def weights_hash(self) -> str:
        """Return the SHA-256 of the weights, 64 hexadecimal digits.

        Raises:
            UnavailableError: The weights or a package are missing; the message has the remedy.
        """
        ...

    def __call__(self, picture: NDArray[np.uint8]) -> Prediction:
        """Predict the subject of a picture: uint8, H×W×3, RGB, any size.

        Raises:
            UnavailableError: As for `weights_hash`.
        """
        ...
