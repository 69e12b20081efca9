"""Photographs of paintings with their supports, composed from a painting and a seed."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.borders import Box

KINDS = (
    "margin", "passe-partout", "wall", "moulding", "carved",
    "oval", "oval on a wall", "arch", "segment", "framed arch",
)  # fmt: skip


class Photograph(NamedTuple):
    """A picture of a painting, and where in it the paint is."""

    picture: NDArray[np.uint8]
    box: Box
    painted: NDArray[np.bool_]
    """The painted region, of the picture's size."""


def photograph(painting: NDArray[np.uint8], kind: str, seed: int) -> Photograph:
    """Return a painting as it hangs or lies in its support."""
    rng = np.random.default_rng(seed)
    height, width = painting.shape[:2]
    side = min(height, width)
    painted = np.ones((height, width), bool)
    if kind in ("oval", "oval on a wall"):
        painted = _oval(height, width)
    elif kind in ("arch", "framed arch"):
        painted = _arch(height, width, min(width / 2, 0.6 * height))
    elif kind == "segment":
        painted = _arch(height, width, rng.uniform(0.1, 0.3) * width)
    colour = _flat(rng)
    inner = np.where(painted[..., None], painting, colour).astype(np.float32)
    if kind == "oval on a wall":
        ring = round(side * rng.uniform(0.04, 0.1))
        return _framed_oval(inner, painted, ring, rng)
    if kind in ("margin", "oval", "arch", "segment"):
        widths = rng.uniform(0.02 if kind == "margin" else 0, 0.1, 4) * side
        picture, box = _around(inner, widths.round().astype(int), colour)
    elif kind == "passe-partout":
        inner, at = _around(inner, [max(2, round(side * 0.006))] * 4, rng.uniform(120, 250, 3))
        picture, box = _around(inner, (rng.uniform(0.08, 0.25, 4) * side).astype(int), colour)
        box = _inside(box, at)
    else:
        picture, box = _moulding(
            inner, round(side * rng.uniform(0.04, 0.13)), rng, kind == "carved"
        )
        if kind == "wall":
            picture, at = _wall(picture, (rng.uniform(0.04, 0.2, 4) * side).astype(int), rng)
            box = _inside(at, box)
    return _developed(picture, box, painted, rng)


def _flat(rng: np.random.Generator) -> NDArray[np.float64]:
    grey = rng.choice([3.0, 250.0, 225.0, 128.0])
    return np.clip(grey + rng.uniform(-12, 12) * np.array([1, 0, -1]), 0, 255)


def _oval(height: int, width: int) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return (rows / height * 2 - 1) ** 2 + (columns / width * 2 - 1) ** 2 <= 1


def _arch(height: int, width: int, rise: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:height, :width] + 0.5
    radius = (rise**2 + (width / 2) ** 2) / (2 * rise)
    if rise >= width / 2:
        return (np.maximum(0, rise - rows) / rise) ** 2 + (columns / width * 2 - 1) ** 2 <= 1
    return (rows >= rise) | ((rows - radius) ** 2 + (columns - width / 2) ** 2 <= radius**2)


def _around(inner, widths, colour) -> tuple[NDArray[np.float32], Box]:
    left, top, right, bottom = (int(each) for each in widths)
    height, width = inner.shape[:2]
    picture = np.empty((height + top + bottom, width + left + right, 3), np.float32)
    picture[:] = colour
    picture[top : top + height, left : left + width] = inner
    return picture, Box(left, top, left + width, top + height)


def _inside(outer: Box, inner: Box) -> Box:
    return Box(
        outer.left + inner.left, outer.top + inner.top,
        outer.left + inner.right, outer.top + inner.bottom,
    )  # fmt: skip


def _moulding(inner, width, rng, carved) -> tuple[NDArray[np.float32], Box]:
    """A frame of stepped, mitred mouldings, lit from above, with a shadow on the painting."""
    picture, box = _around(inner, [width] * 4, 0)
    height, length = picture.shape[:2]
    rows, columns = np.mgrid[:height, :length]
    sides = np.stack([rows, columns, height - 1 - rows, length - 1 - columns])
    depth, side = sides.min(axis=0), sides.argmin(axis=0)
    steps = np.repeat(rng.uniform(0.5, 1.2, 6), -(-width // 6))[:width]
    steps[-max(2, width // 12) :] = rng.choice([0.25, 1.7])  # the lip
    wood = rng.choice([[70, 45, 25], [160, 125, 60], [40, 35, 32], [185, 150, 85]])
    light = np.array([0.85, 1.0, 1.15, 0.95])[side]
    texture = rng.normal(0, 0.03, (height, length))
    if carved:
        texture += (
            0.5
            * cv2.GaussianBlur(rng.normal(0, 1, (height, length)), (0, 0), width / 12)
            * width
            / 12
        )
    ring = depth < width
    shade = steps[np.minimum(depth, width - 1)] * light * (1 + texture)
    picture[ring] = (shade[..., None] * wood)[ring]
    shadow = np.clip((rows - box.top + 1) / max(2, width // 8), 0.45, 1)
    picture[~ring] *= shadow[..., None][~ring]
    return picture, box


def _wall(inner, widths, rng) -> tuple[NDArray[np.float32], Box]:
    """A plain wall in uneven light, on which the frame throws a shadow."""
    colour = rng.uniform(60, 230) + rng.uniform(-20, 20, 3)
    picture, box = _around(inner, widths, np.nan)
    height, width = picture.shape[:2]
    light = (
        np.linspace(*rng.uniform(0.92, 1.08, 2), width) * np.linspace(1.05, 0.95, height)[:, None]
    )
    wall = colour * (light + rng.normal(0, 0.015, (height, width)))[..., None]
    thrown = np.zeros((height, width), np.float32)
    fall = round(min(height, width) * 0.015)
    thrown[box.top + fall : box.bottom + fall, box.left + fall : box.right + fall] = 0.4
    wall *= 1 - cv2.GaussianBlur(thrown, (0, 0), fall / 2 + 1)[..., None]
    return np.where(np.isnan(picture), wall, picture).astype(np.float32), box


def _framed_oval(inner, painted, ring, rng) -> Photograph:
    """An oval in an oval moulding on a wall."""
    height, width = painted.shape
    big = _oval(height + 2 * ring, width + 2 * ring)
    picture, box = _around(inner, [ring] * 4, 0)
    around, _ = _around(np.dstack([painted] * 3).astype(np.float32), [ring] * 4, 0)
    depth = cv2.distanceTransform((around[..., 0] < 0.5).astype(np.uint8), cv2.DIST_L2, 5) / ring
    wood = rng.choice([[70, 45, 25], [160, 125, 60], [185, 150, 85]])
    moulding = wood * (0.6 + 0.8 * np.abs(np.sin(4 * depth)))[..., None]
    picture = np.where((around[..., :1] < 0.5) & big[..., None], moulding, picture)
    picture[~big] = np.nan
    picture, at = _wall_around(picture, rng)
    return _developed(picture, _inside(at, box), painted, rng)


def _wall_around(picture, rng) -> tuple[NDArray[np.float32], Box]:
    side = min(picture.shape[:2])
    widths = (rng.uniform(0.03, 0.15, 4) * side).astype(int)
    picture, box = _around(picture, widths, np.nan)
    colour = rng.uniform(120, 235) + rng.uniform(-15, 15, 3)
    noise = rng.normal(0, 2, picture.shape[:2])[..., None]
    return np.where(np.isnan(picture), colour + noise, picture).astype(np.float32), box


def _developed(picture, box, painted, rng) -> Photograph:
    """The photograph: slightly blurred, noisy, compressed."""
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2))
    noisy = np.clip(blurred + rng.normal(0, rng.uniform(0, 2), picture.shape), 0, 255)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))]
    _, data = cv2.imencode(".jpg", noisy.astype(np.uint8), quality)
    where = np.zeros(picture.shape[:2], bool)
    where[box.top : box.bottom, box.left : box.right] = painted
    return Photograph(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), box, where)
