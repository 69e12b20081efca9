"""Lays a picture on the canvas that a diffusion model paints: hole filled, size, padding."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.base import Outpainter, Request
from deepart_assets.outpainting.diffusion.plan import Plan
from deepart_assets.outpainting.patchmatch import PatchMatchOutpainter
from deepart_assets.outpainting.reduced import fit
from deepart_assets.outpainting.scene_completion import SceneCompletionOutpainter
from deepart_assets.outpainting.scene_completion.shipped import shipped_library
from deepart_assets.outpainting.telea import TeleaOutpainter
from deepart_assets.settings.diffusion import Fill
from deepart_assets.settings.outpainting import PatchMatch, Telea

GREY = 128
"""The middle of the VAE's range, which inpainting models see in the hole. Where it is filled with
something else, the request's black never darkens the edge of the subject."""
REFERENCE_SIDE = 512
"""Of the square in which a reference is shown, in pixels."""
WHOLE = 0.999
"""A resized pixel is known if at least this share of it was."""

Filler = Callable[[Request], NDArray[np.uint8]]
"""Returns the whole picture, uint8, H×W×3."""


class Size(NamedTuple):
    """Sizes of a picture on its canvas, in pixels."""

    height: int
    width: int
    padded_height: int
    padded_width: int


class Canvas(NamedTuple):
    """What a pipeline is given for one request."""

    picture: NDArray[np.uint8]
    """uint8, H×W×3."""
    hole: NDArray[np.bool_]
    """bool, H×W, True where it paints."""


@cache
def filler_for(fill: Fill) -> Filler:
    """Return what fills the hole of a request."""
    if fill == "grey":
        return lambda request: np.where(request.known[..., None], request.picture, np.uint8(GREY))
    outpainter: Outpainter
    match fill:
        case "telea":
            outpainter = TeleaOutpainter(Telea(kind="telea"))
        case "patchmatch":
            outpainter = PatchMatchOutpainter(PatchMatch(kind="patchmatch", sources="subject"))
        case "scene_completion":
            outpainter = SceneCompletionOutpainter(shipped_library)

    def filled(request: Request) -> NDArray[np.uint8]:
        [found] = outpainter([request])
        return np.where(request.known[..., None], request.picture, found)

    return filled


def size_on_canvas(shape: Sequence[int], plan: Plan) -> Size:
    """Return the size at which a picture of shape (H, W) is painted, and that with its padding.

    Its aspect ratio stays, up to a pixel. It is enlarged to the plan's area, and reduced where the
    padded picture would exceed the family's largest area.
    """
    height, width = shape
    multiple, limit = plan.family.multiple, plan.family.largest_area
    scale = max(1.0, plan.side / math.sqrt(height * width)) if plan.side else 1.0
    inner = round(height * scale), round(width * scale)
    if limit and math.prod(_padded(side, multiple) for side in inner) > limit:
        bound = math.sqrt(limit / (height * width))
        scale = min(
            max(1, int(side * bound) // multiple) * multiple / side for side in (height, width)
        )
        inner = max(1, math.floor(height * scale)), max(1, math.floor(width * scale))
    return Size(*inner, *(_padded(side, multiple) for side in inner))


def lay(request: Request, size: Size, plan: Plan) -> Canvas:
    """Return picture and hole at that size, padded at the bottom and right by mirroring.

    Where a picture is resized the hole is never grey before, which would blend with the subject's
    edge.
    """
    import cv2

    resized = (size.height, size.width) != request.known.shape
    grey = plan.fill == "grey"
    picture = filler_for("telea" if resized and grey else plan.fill)(request)
    known = request.known
    if resized:
        smaller = size.height < known.shape[0]
        share = cv2.resize(
            known.astype(np.float32),
            (size.width, size.height),
            interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR,
        )
        whole = share > WHOLE
        known = whole if whole.any() else share > 0
        picture = fit(picture, size.height, size.width)
    if resized and grey:
        picture = np.where(known[..., None], picture, np.uint8(GREY))
    margin = ((0, size.padded_height - size.height), (0, size.padded_width - size.width))
    return Canvas(
        np.pad(picture, (*margin, (0, 0)), mode="symmetric"),
        np.pad(~known, margin, mode="symmetric"),
    )


def band(hole: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Return the pixels within `width` pixels of the seam, on both sides: bool, H×W."""
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    levels = hole.astype(np.uint8)
    return np.asarray(cv2.dilate(levels, kernel) != cv2.erode(levels, kernel))


def subject_picture(request: Request) -> NDArray[np.uint8]:
    """Return the subject as a picture of its own, to take the style from.

    It is the smallest rectangle round it, the rest filled by Telea's method, as `reference_picture`
    gives it.
    """
    rows, columns = (np.flatnonzero(request.known.any(axis=axis)) for axis in (1, 0))
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    known = request.known[cut]
    picture = request.picture[cut]
    if not known.all():
        picture = filler_for("telea")(Request(picture, known))
    return reference_picture(picture)


def reference_picture(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture, uint8, H×W×3, in the square in which references are shown.

    Returns:
        uint8, `REFERENCE_SIDE` squared, RGB; padded by mirroring, never stretched.
    """
    scale = REFERENCE_SIDE / max(picture.shape)
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    margin = ((0, REFERENCE_SIDE - height), (0, REFERENCE_SIDE - width), (0, 0))
    return np.pad(fit(picture, height, width), margin, mode="symmetric")


def take_back(painted: NDArray[np.float32], size: Size, request: Request) -> NDArray[np.uint8]:
    """Return what was painted, H×W×3 in [0, 1], without its padding and at the request's size."""
    inner = np.round(painted[: size.height, : size.width] * 255).astype(np.uint8)
    height, width = request.known.shape
    return inner if inner.shape[:2] == (height, width) else fit(inner, height, width)


def _padded(side: int, multiple: int) -> int:
    return side + -side % multiple
