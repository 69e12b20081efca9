"""Strokes of a curator on a painting: what counts as a scribble, and messages for the others.

`correction` moves a mask by them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError

LEGEND = "green = kept, red = generated, transparent elsewhere"
"""What a scribble's colours mean; part of every message."""
VISIBLE = 64
"""Of 255; below this alpha nothing is drawn."""
COMMON = 0.05
"""A colour (of 32 levels a channel) of at least this share of what is drawn is one of its flat
colours: strokes have few, a cut-out of a painting has none."""
FLAT_SHARE = 0.9
"""What flat colours make up to this share is drawn; the rest is the soft edge of a brush."""
MARKED = 0.01
"""Where the colours are a painting's, a colour of a stroke that has exactly one value on this share
is a stroke."""
_PLACES = np.array([1 << 16, 1 << 8, 1, 0], np.uint32)
KEEP_HUES = (90, 150)
DROP_HUES = (-20, 20)
"""Hues in degrees; both ends count."""
SATURATION, BRIGHTNESS = 0.5, 0.35
"""At least these, of 1, has a stroke."""
GAP = 2
"""Strokes of two colours that are nearer than this many pixels touch."""


@dataclass(frozen=True)
class Scribble:
    """A curator's strokes on a painting: bool, H×W of the painting's size, without overlap."""

    keep: NDArray[np.bool_]
    """Certainly subject."""
    drop: NDArray[np.bool_]
    """Certainly surround."""

    def imposed_on(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask, bool, H×W, changed to keep or drop what the strokes cover."""
        return (mask | self.keep) & ~self.drop


def find_strokes(
    picture: NDArray[np.uint8], name: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Find the strokes of a picture with a transparent surround; None if it is a cut-out.

    A scribble has few flat colours and at least one is saturated. A cut-out has the many colours of
    a painting, or is a silhouette of one grey.

    Args:
        picture: uint8, H×W×4, RGBA, as drawn.
        name: The file's name, for messages.

    Returns:
        The strokes to keep and those to drop, bool, H×W.

    Raises:
        PaintingError: It may be either, a colour is missing or means nothing, or strokes of both
            colours touch.
    """
    visible = picture[..., 3] >= VISIBLE
    if not visible.any():
        raise PaintingError(
            f"{name} is transparent all over: draw strokes ({LEGEND}), or a mask that is white"
            " where the painting is kept and black elsewhere"
        )
    levels = (picture[..., :3].astype(np.uint16) + 4) >> 3  # 0 to 32
    codes = (levels[..., 0] * 33 + levels[..., 1]) * 33 + levels[..., 2]
    counts = np.bincount(codes[visible], minlength=33**3)
    flat = np.flatnonzero(counts >= COMMON * visible.sum())
    kept, dropped, saturated = _meanings()
    stroke = kept | dropped
    if counts[flat].sum() < FLAT_SHARE * visible.sum():
        marked = picture[stroke[codes] & visible].astype(np.uint32) @ _PLACES
        if np.unique(marked, return_counts=True)[1].max(initial=0) >= MARKED * visible.sum():
            raise PaintingError(
                f"{name} is a cut-out with strokes on it: save either the cut-out, or the strokes"
                f" alone ({LEGEND})"
            )
        return None
    if not saturated[flat].any():
        tones = flat // 33**2  # the red level: all are grey
        if (tones <= 4).any() and (tones >= 28).any():
            raise PaintingError(
                f"{name} is black and white on transparent, so it may be a mask or strokes: for a"
                f" mask make nothing transparent; for strokes use colours ({LEGEND})"
            )
        return None
    if others := [each for each in flat if not stroke[each]]:
        named = ", ".join(_hexadecimal(int(each)) for each in others)
        raise PaintingError(
            f"{name} has strokes in colours without a meaning ({named}): {LEGEND}. A cut-out in one"
            " colour must be white"
        )
    keep, drop = kept[codes] & visible, dropped[codes] & visible
    for drawn, colour, missing in ((keep, "red", "green"), (drop, "green", "red")):
        if not drawn.any():
            raise PaintingError(
                f"{name} has {colour} strokes only: add a {missing} one, however short ({LEGEND})."
                " A cut-out in one colour must be white"
            )
    _check_apart(keep, drop, name)
    return keep, drop


def fitted(keep: NDArray[np.bool_], drop: NDArray[np.bool_], size: tuple[int, int]) -> Scribble:
    """Return strokes at a painting's size; a pixel belongs to what covers more of it."""
    import cv2

    method = cv2.INTER_AREA if keep.size > size[0] * size[1] else cv2.INTER_NEAREST
    kept, dropped = (
        cv2.resize(each.astype(np.float32), (size[1], size[0]), interpolation=method)
        for each in (keep, drop)
    )
    return Scribble((kept > 0) & (kept >= dropped), (dropped > 0) & (dropped > kept))


def _check_apart(keep: NDArray[np.bool_], drop: NDArray[np.bool_], name: str) -> None:
    import cv2

    kernel = np.ones((2 * GAP + 1, 2 * GAP + 1), np.uint8)
    touching = cv2.dilate(keep.astype(np.uint8), kernel).astype(bool) & drop
    if touching.any():
        row, column = np.argwhere(touching)[0]
        raise PaintingError(
            f"{name} contradicts itself: a green and a red stroke touch at column {column}, row"
            f" {row}. Leave a gap between them ({LEGEND}), in which the edge is found"
        )


def _meanings() -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of 33³ colours keep, which drop, and which are saturated."""
    import cv2

    axis = np.arange(33, dtype=np.float32) / 32
    colours = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(1, -1, 3)
    hue, saturation, brightness = np.moveaxis(cv2.cvtColor(colours, cv2.COLOR_RGB2HSV)[0], -1, 0)
    saturated = (saturation >= SATURATION) & (brightness >= BRIGHTNESS)

    def between(ends: tuple[int, int]) -> NDArray[np.bool_]:
        return ((hue - ends[0]) % 360) <= ends[1] - ends[0]

    return between(KEEP_HUES) & saturated, between(DROP_HUES) & saturated, saturated


def _hexadecimal(code: int) -> str:
    levels = (code // 33**2, code // 33 % 33, code % 33)
    return "#" + "".join(f"{min(255, 8 * level):02x}" for level in levels)
