"""The protocol of a segmenter, its prediction, and its descriptor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.faces import Face

if TYPE_CHECKING:
    from deepart_assets.segmentation.scribble import Scribble


@dataclass(frozen=True)
class Descriptor:
    """What a user should know before choosing a segmenter."""

    name: str
    reads_text: bool = False
    """Whether it finds what a text names; others ignore a painting's text."""


@dataclass(frozen=True)
class ClassMap:
    """The class of each pixel, for segmenters that predict classes."""

    ids: NDArray[np.uint8]
    """uint8, H×W: an index into `names` for each pixel; 0 = background."""
    names: tuple[str, ...]
    """The class of each id."""
    palette: tuple[tuple[int, int, int], ...]
    """A colour for each id, RGB, 0 to 255: for people's eyes, never read back."""

    def shares(self) -> dict[str, float]:
        """Return the share of the area of each class present, largest first."""
        counts = np.bincount(self.ids.ravel(), minlength=len(self.names)) / self.ids.size
        found = [(self.names[each], float(counts[each])) for each in np.argsort(-counts)]
        return {name: share for name, share in found if share > 0}


@dataclass(frozen=True)
class Prediction:
    """A soft subject mask, and how confident the segmenter is of it."""

    mask: NDArray[np.float32]
    """float32, H×W, in [0, 1], 1 = subject; the picture's own size."""
    confidence: float
    """How clearly the subject stands out, in [0, 1]: the mean of the segmenter's own map inside
    the subject minus the mean outside; 0 where nothing stands out. Where a text is read: the score
    of its best part."""
    classes: ClassMap | None = None
    """Of the picture's size; None for segmenters that know no classes."""
    verdict: str | None = None
    """Why there is no subject, where the segmenter itself can say."""
    faces: tuple[Face, ...] | None = None
    """The faces in the picture, in its pixels; None where the segmenter does not look for them."""

    def levels(self) -> NDArray[np.uint8]:
        """Return the mask as it is written to a file: uint8, H×W, 255 = subject."""
        return np.round(self.mask * 255).astype(np.uint8)


def pascal_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """Return PASCAL VOC's first colours: the bits of each id, spread over the channels."""

    def level(number: int, channel: int) -> int:
        return sum((number >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8))

    return tuple((level(each, 0), level(each, 1), level(each, 2)) for each in range(count))


def enlarged(
    mask: NDArray[np.float32], ids: NDArray[np.uint8], things: Sequence[str], size: tuple[int, int]
) -> tuple[NDArray[np.float32], ClassMap]:
    """Return a soft mask and its class ids, h×w, at the picture's size.

    Args:
        mask: float32, h×w, in [0, 1].
        ids: uint8, h×w: 0 = background, from 1 on the things.
        things: At most 255.
        size: Height and width of the picture.
    """
    import cv2

    if mask.shape != size:
        mask = np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_LINEAR))
        ids = np.asarray(cv2.resize(ids, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
    return mask, ClassMap(ids, ("background", *things), pascal_palette(1 + len(things)))


class Segmenter(Protocol):
    """Finds the subjects of paintings. Weights are loaded at the first call, not before."""

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

    def choice(self, labels: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what is chosen by a painting's labels: JSON, part of its provenance.

        Nothing unless a segmenter says otherwise: it treats all paintings alike.

        Args:
            labels: Such as `style` and `genre`; any may be missing or "". `subject` is what
                somebody says of this painting alone.
        """
        return {}

    def __call__(
        self,
        pictures: Sequence[NDArray[np.uint8]],
        choices: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[Prediction]:
        """Predict the subjects of pictures, in batches where that is faster.

        Args:
            pictures: uint8, H×W×3, RGB, any sizes. How they are put together changes no mask.
            choices: The `choice` for each painting; None: that of a painting without labels.

        Raises:
            UnavailableError: As for `weights_hash`.
        """
        ...


class Corrector(Protocol):
    """Moves a prediction towards a curator's strokes."""

    def __call__(
        self, picture: NDArray[np.uint8], soft: NDArray[np.uint8], scribble: "Scribble"
    ) -> NDArray[np.uint8]:
        """Return the corrected prediction.

        Args:
            picture: uint8, H×W×3.
            soft: uint8, h×w of the same aspect, the prediction, 255 = subject.
            scribble: Of the picture's size. The caller imposes it on the result.

        Returns:
            uint8 of the picture's aspect, 255 = subject.
        """
        ...


def confidence_of(levels: NDArray[np.float32], region: NDArray[np.bool_]) -> float:
    """Return the mean of a map inside a region minus the mean outside; 0 where there is no outside
    or no inside."""
    if not region.any() or region.all():
        return 0.0
    return float(levels[region].mean() - levels[~region].mean())
