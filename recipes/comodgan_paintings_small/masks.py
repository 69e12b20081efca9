"""Free-form masks for training: rectangles and brush strokes (the official code's sampler)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

RECTANGLES, LARGE_RECTANGLES, STROKES = 10, 5, 20
"""Upper bounds (exclusive) of the numbers, for a sum of the bounds of `hole` of at least 1."""
FEWEST_VERTICES, MOST_VERTICES = 4, 17
ANGLE, SPREAD = 2 * math.pi / 5, 2 * math.pi / 15
"""Mean angle between two segments of a stroke, and the largest deviation of its bounds."""
ATTEMPTS = 10_000


def free_form(
    random: np.random.Generator,
    side: int,
    hole: tuple[float, float] = (0.0, 1.0),
    brush: tuple[float, float] = (12, 48),
) -> NDArray[np.bool_]:
    """Draw a mask.

    Args:
        random: The random generator.
        side: Side in pixels.
        hole: Lower and upper bound (exclusive) of the hole's share of the area.
        brush: Smallest and largest width of a stroke in pixels.

    Returns:
        bool, side×side, True = known.

    Raises:
        ValueError: No mask within the bounds of `hole` was found.
    """
    share = min(sum(hole), 1.0)
    for _ in range(ATTEMPTS):
        known = np.ones((side, side), dtype=bool)
        _cut_rectangles(random, known, int(RECTANGLES * share), side // 2)
        _cut_rectangles(random, known, int(LARGE_RECTANGLES * share), side)
        known &= ~_strokes(random, side, int(STROKES * share), brush)
        if hole[0] < 1 - known.mean() < hole[1]:
            return known
    raise ValueError(f"no mask of {side} pixels has a hole between {hole[0]} and {hole[1]}")


def _cut_rectangles(
    random: np.random.Generator, known: NDArray[np.bool_], fewer_than: int, largest: int
) -> None:
    side = len(known)
    for _ in range(random.integers(max(1, fewer_than))):
        width, height = random.integers(max(1, largest), size=2)
        # Up to half of a rectangle may be outside the picture.
        left = random.integers(-(width // 2), side - (width - width // 2))
        top = random.integers(-(height // 2), side - (height - height // 2))
        rows = slice(max(0, top), max(0, top + height))
        known[rows, max(0, left) : max(0, left + width)] = False


def _strokes(
    random: np.random.Generator, side: int, fewer_than: int, brush: tuple[float, float]
) -> NDArray[np.bool_]:
    from PIL import Image, ImageDraw

    layer = Image.new("L", (side, side))
    draw = ImageDraw.Draw(layer)
    for _ in range(random.integers(max(1, fewer_than))):
        points = _stroke(random, side)
        width = max(1, int(random.uniform(*brush)))
        draw.line(points, fill=1, width=width)
        for x, y in points:
            box = (x - width // 2, y - width // 2, x + width // 2, y + width // 2)
            draw.ellipse(box, fill=1)
    painted = np.asarray(layer) > 0
    for axis in (0, 1):
        if random.random() < 0.5:
            painted = np.flip(painted, axis)
    return painted


def _stroke(random: np.random.Generator, side: int) -> list[tuple[float, float]]:
    length = math.hypot(side, side) / 8
    bounds = (ANGLE - random.uniform(0, SPREAD), ANGLE + random.uniform(0, SPREAD))
    x, y = (float(each) for each in random.integers(side, size=2))
    points = [(x, y)]
    for number in range(random.integers(FEWEST_VERTICES, MOST_VERTICES + 1)):
        angle = random.uniform(*bounds)
        if number % 2 == 0:
            angle = 2 * math.pi - angle
        step = float(np.clip(random.normal(length, length // 2), 0, 2 * length))
        x = float(np.clip(x + step * math.cos(angle), 0, side))
        y = float(np.clip(y + step * math.sin(angle), 0, side))
        points.append((x, y))
    return points
