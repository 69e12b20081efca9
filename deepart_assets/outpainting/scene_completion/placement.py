"""Where a ground is laid so that the subject hides what the ground cannot show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.scene_completion.ground import CELL, Ground

ZOOMS = (1.0, 1.1, 1.22, 1.35, 1.5, 1.7)
"""Times the smallest scale at which the ground covers the picture; it is never stretched."""
TOLERABLE = 0.08
"""Share of the picture that may be visible hole before it costs extra."""


@dataclass(frozen=True)
class Placement:
    """A ground laid on a picture; sizes are of ground and picture at a smaller side of 512."""

    cost: float
    visible: float
    """Share of the picture where the ground's hole is seen, and must be filled."""
    scale: float
    """From the ground's pixels to the picture's."""
    offset: tuple[int, int]
    """Row and column of the picture's corner in the scaled ground, in pixels of the picture."""
    flip: bool


def place(
    mask: NDArray[np.bool_], base_row: float | None, ground: Ground, plain: float
) -> Placement:
    """Return the cheapest placement of a ground, mirrored or not.

    Args:
        mask: bool, H×W at a smaller side of 512: the subject.
        base_row: The subject's; see `Ground`.
        ground: The ground.
        plain: Its plainness over the library's median.
    """
    import cv2

    height, width = mask.shape
    rows, columns = max(1, round(height / CELL)), max(1, round(width / CELL))
    size = (columns, rows)
    covered = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    cover = max(height / ground.shape[0], width / ground.shape[1])
    best: Placement | None = None
    for flip in (False, True):
        hole = (ground.hole[:, ::-1] if flip else ground.hole).astype(np.float32)
        for zoom in ZOOMS:
            scale = cover * zoom
            scaled = (
                max(columns, round(ground.shape[1] * scale / CELL)),
                max(rows, round(ground.shape[0] * scale / CELL)),
            )
            enlarged = cv2.resize(hole, scaled, interpolation=cv2.INTER_AREA)
            hidden = cv2.matchTemplate(enlarged, covered, cv2.TM_CCORR)
            visible = np.maximum(_window_sums(enlarged, rows, columns) - hidden, 0)
            visible /= rows * columns
            down, across = visible.shape
            y = np.abs(np.arange(down) - (down - 1) / 2) / rows
            x = np.abs(np.arange(across) - (across - 1) / 2) / columns
            support = _support(base_row, height, ground, scale, np.arange(down) * CELL)
            cost = (
                4 * visible * (0.4 + 0.6 * plain)
                + 14 * plain * np.maximum(visible - TOLERABLE, 0)
                + 0.35 * np.log2(zoom)
                + (0.15 * y + support)[:, None]
                + 0.1 * x
            )
            row, column = np.unravel_index(int(cost.argmin()), cost.shape)
            if best is None or cost[row, column] < best.cost:
                best = Placement(
                    cost=float(cost[row, column]),
                    visible=float(visible[row, column]),
                    scale=scale,
                    offset=(int(row) * CELL, int(column) * CELL),
                    flip=flip,
                )
    assert best is not None
    return best


def _window_sums(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float64]:
    """Return the sums of all windows of rows×columns, by an integral image."""
    integral = np.pad(values.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    down, across = values.shape[0] - rows + 1, values.shape[1] - columns + 1
    return np.asarray(
        integral[rows : rows + down, columns : columns + across]
        - integral[:down, columns : columns + across]
        - integral[rows : rows + down, :across]
        + integral[:down, :across]
    )


def _support(
    base_row: float | None,
    height: int,
    ground: Ground,
    scale: float,
    offsets: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return what it costs, by offset, that the ground does not carry a base that is seen."""
    if base_row is None:
        return np.zeros(len(offsets))
    tall = ground.shape[0] * scale
    base = base_row * height + offsets
    if not ground.has_subject or ground.kind == "landscape":
        return np.asarray(3 * np.maximum(0.72 - base / tall, 0))
    if ground.base_row is None:
        return np.full(len(offsets), 0.8)
    return np.asarray(2 * np.abs(ground.base_row * tall - base) / height)
