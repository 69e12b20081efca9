"""What a subject rests on where its ground has nothing for it: its body, a ledge, a table, a floor.

A bust whose mask ends above the frame floats before a wall, and so do feet and a vase. Painters of
plain grounds show how little is needed: a body that is lost in the shade below, or that a ledge in
front of it hides, a plane of another tone and a shadow on it.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize, working_size
from deepart_assets.outpainting import tone
from deepart_assets.outpainting.ground_tone import lowest_rows
from deepart_assets.outpainting.scene_completion.footing import Footing
from deepart_assets.outpainting.scene_completion.ground import SIDE
from deepart_assets.outpainting.scene_completion.matching import Match
from deepart_assets.outpainting.scene_completion.subject import TOUCHES, Subject
from deepart_assets.outpainting.tone import Colour

Plane = Literal["table", "floor", "ledge"]
Rest = Literal["body", Plane]

CORNER = 0.35
"""Where the frame cuts a smaller share of a figure's breadth, it is a corner of one that stands."""
STILL = 0.4
"""A subject that is a still life with at least this probability lies on a table."""
CUT = 0.75
"""A figure that the frame cuts with at least this probability is a bust or a half-length."""
BASE = 0.1
"""The lowest part of a subject, as a share of its height, is its base."""
WIDE = 0.5
"""A bust's base has at least this share of its width; a narrower one leans on something."""
PARAPET = 0.75, 0.7, 0.006
"""A base that has the first share of the width, of which the second is level to the third of the
height, is no hem and no feet: a parapet cut the body, and is not in the mask."""
BROAD = 1.25
"""A subject broader than so many times its height is a group, whose base is many feet."""
TALL = 1.45
"""A figure higher than so many times its breadth may be whole, in a long gown."""
LOW = 0.7
"""A body that was cut above this share of the picture's height is not continued."""
FLARE = 0.35
"""By how much a body widens below, per pixel on each side."""
LEFT = 0.35
"""How much of a body's light is left at the picture's lower edge."""
BEHIND: dict[Plane, float] = {"table": 0.22, "floor": 0.12, "ledge": 0.0}
"""How far above the base a plane begins, as a share of the subject's height."""
FARTHEST = 0.12
"""The same as a share of the picture's height, at most."""
BACK: dict[Plane, float] = {"table": 3, "floor": 10, "ledge": 25}
"""Percentile of the columns' lowest rows at which the farthest feet are taken to be: a vase's foot
is narrow, and a table that begins higher does no harm."""
SOFT: dict[Plane, float] = {"table": 1.5, "floor": 2.5, "ledge": 1.5}
"""Deviation of that edge, in pixels at a smaller side of 512."""
TINT: dict[Plane, tuple[float, float]] = {"table": (2, 5), "floor": (1, 3), "ledge": (1, 3)}
"""Added to a* and b* of a plane."""
MIDDLE, LIGHTER, DARKER = 30, (8, 9), (8, 12)
"""A plane before a wall of less L* than the first is lighter, else darker: by at least, at most."""
CAST, CAST_ALREADY = 0.4, 0.55
"""Strength of the shadow on a plane, and the share of it that the strip of an old floor has."""
AS_BEFORE = np.array([22, 8, 14], np.float32)
"""A plane's L*a*b* is moved so far at most towards that of the strip of the old floor."""
AS_TOLD = np.array([45, 12, 20], np.float32)
"""The same where its colour is told."""
HIDDEN = 15
"""A body that differs so much, ΔE, from the old ground below it is hidden there, by a table that it
sits at or a parapet; one that is lost in the dark goes on."""


def rest_for(subject: Subject, match: Match) -> Rest | None:
    """Return what a subject would need before a wall; None if the frame cuts more than a corner.

    Args:
        subject: The subject.
        match: What the library tells of it.
    """
    if match.is_afloat:
        return None
    if match.still >= STILL:
        return "table" if 0 < subject.rows[1] < TOUCHES else None
    if subject.base_row is None:
        stands = subject.rows[1] > 0 and subject.framed < CORNER and not match.is_bust
        return "floor" if stands else None
    cut: Rest = "ledge" if subject.contrast_below > HIDDEN else "body"
    if subject.base_row > LOW and _ends_at_a_parapet(subject.mask):
        return cut
    rows, columns = (int(subject.mask.any(axis).sum()) for axis in (1, 0))
    may_be_whole = match.cut < CUT or rows > TALL * columns
    if columns > BROAD * rows or (may_be_whole and not match.is_bust):
        return "floor"
    is_cut = base_of(subject.mask).sum() >= WIDE * columns and subject.base_row > LOW
    return cut if is_cut else "table"


def _ends_at_a_parapet(known: NDArray[np.bool_]) -> bool:
    """Return whether a subject's base is as wide as itself and as level as a wall."""
    base = base_of(known)
    lowest = lowest_rows(known)[base]
    wide, level, off = PARAPET
    is_level = np.abs(lowest - np.median(lowest)) <= off * len(known)
    return bool(base.sum() >= wide * known.any(0).sum() and is_level.mean() >= level)


def with_body(
    ground: NDArray[np.float32], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Continue a body to the picture's lower edge: mirrored, blurred and lost in the shade.

    Args:
        ground: float32, H×W×3, RGB, 0 to 255.
        picture: uint8, H×W×3: the subject.
        known: bool, H×W: where it is.

    Returns:
        float32, H×W×3; the pixels of the subject mean nothing.
    """
    import cv2

    height, width = known.shape
    unit = min(known.shape) / SIDE
    base, lowest = base_of(known), lowest_rows(known)
    first, last = np.flatnonzero(base)[[0, -1]]
    across = np.arange(width, dtype=np.float32)
    down = np.arange(height, dtype=np.float32)[:, None]
    edge = np.interp(across, across[base], lowest[base]).astype(np.float32)
    edge = cv2.GaussianBlur(edge[None], (0, 0), 5 * unit)[0]
    below = np.maximum(down - edge, 0)
    depth = below / max(height - float(edge[base].mean()), 1.0)
    # What is continued lies a little inside: the rim may have the colour of the old ground.
    rows = np.clip(edge - 6 * unit - 0.6 * below, 0, height - 1).astype(np.float32)
    middle = (first + last) / 2
    narrower = 1 + 2 * FLARE * below / max(last - first, 1)
    columns = np.clip(middle + (across - middle) / narrower, first, last).astype(np.float32)
    near, far = (
        cv2.remap(_spread(picture, known, sigma * unit), columns, rows, cv2.INTER_LINEAR)
        for sigma in (1, 8)
    )
    blur = depth.clip(0, 1)[..., None]
    body = (near * (1 - blur) + far * blur) * (1 - (1 - LEFT) * depth.clip(0, 1))[..., None]
    inside = np.minimum(across - first, last - across) + FLARE * below
    share = np.clip(inside / (10 * unit) + 0.5, 0, 1) * (down > edge - 16 * unit)
    share = cv2.GaussianBlur(share.astype(np.float32), (0, 0), 2 * unit)[..., None]
    return np.asarray(ground * (1 - share) + body * share, np.float32)


def with_plane(
    ground: NDArray[np.float32],
    known: NDArray[np.bool_],
    plane: Plane,
    footing: Footing,
    below: Colour | None = None,
) -> NDArray[np.float32]:
    """Give a wall a plane under the subject: another tone below a line, and a shadow on it.

    It begins behind what stands farthest back: a vase behind fruit.

    Args:
        ground: float32, H×W×3, RGB, 0 to 255.
        known: bool, H×W: the subject.
        plane: Which.
        footing: What is kept of the old floor, whose tone it takes.
        below: What is told of the old floor, which counts more.

    Returns:
        float32, H×W×3.
    """
    height = len(known)
    unit = min(known.shape) / SIDE
    rows = np.flatnonzero(known.any(1))
    top, bottom = int(rows[0]), int(rows[-1])
    line = bottom - min(BEHIND[plane] * (bottom - top), FARTHEST * height)
    line = min(line, _farthest_foot(known, plane) - BEHIND[plane] * BASE * height)
    down = np.arange(height, dtype=np.float32)[:, None]
    on = 0.5 + 0.5 * np.tanh((down - line) / (1.2 * SOFT[plane] * unit))
    lab = tone.lab_of(np.round(ground).clip(0, 255).astype(np.uint8))
    wall = float(np.median(lab[: max(round(line), 1), :, 0]))
    least, most = LIGHTER if wall < MIDDLE else DARKER
    lighter = np.clip(0.4 * abs(MIDDLE - wall), least, most) * np.sign(MIDDLE - wall)
    lab += on[..., None] * np.array([lighter, *TINT[plane]], np.float32)
    beside = (on[:, 0] > 0.9)[:, None] & ~known
    wanted, certainty, farthest = footing.tone, footing.certainty, AS_BEFORE
    if below is not None:
        wanted, certainty, farthest = np.array(below, np.float32), 1.0, AS_TOLD
    if certainty and beside.any():
        off = np.clip(wanted - np.median(lab[beside], axis=0), -farthest, farthest)
        lab += certainty * on[..., None] * off
    lab[..., 0] = lab[..., 0].clip(0, 100)
    cast = 0.0 if plane == "ledge" else CAST * (1 - CAST_ALREADY * footing.certainty)
    light = 1 - cast * np.clip(1.8 * _shadow(known), 0, 1) * on
    return np.asarray(tone.rgb_of(lab) * light[..., None], np.float32)


def _farthest_foot(known: NDArray[np.bool_], plane: Plane) -> float:
    """Return the row where what stands farthest back ends, which a plane has to reach.

    An arm or a sleeve ends higher, at less than `LOW` of the subject's height.
    """
    rows = np.flatnonzero(known.any(1))
    ends = lowest_rows(known)[known.any(0)]
    low = ends[ends >= rows[0] + LOW * (rows[-1] - rows[0])]
    return float(np.percentile(low, BACK[plane]))


def base_of(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return in which columns a subject reaches nearly as low as anywhere: bool, W."""
    rows = np.flatnonzero(known.any(1))
    return np.asarray(known.any(0) & (lowest_rows(known) >= rows[-1] - BASE * (rows[-1] - rows[0])))


def _spread(
    picture: NDArray[np.uint8], known: NDArray[np.bool_], sigma: float
) -> NDArray[np.float32]:
    """Return the subject's colours, blurred and continued around it: float32, H×W×3."""
    import cv2

    step = max(1, round(sigma / 4))
    size = max(1, known.shape[0] // step), max(1, known.shape[1] // step)
    share = resize(known.astype(np.float32), *size)
    paint = resize(np.where(known[..., None], picture, 0).astype(np.float32), *size)
    weight = cv2.GaussianBlur(share, (0, 0), sigma / step)
    blurred = cv2.GaussianBlur(paint, (0, 0), sigma / step)
    blurred /= np.maximum(weight, 1e-3)[..., None]
    return np.asarray(resize(blurred, *known.shape), np.float32)


def _shadow(known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return a soft shadow at a subject's feet: float32, H×W, about 0 to 1."""
    import cv2

    small = (
        resize(known.astype(np.float32), *working_size(known.shape[0], known.shape[1], SIDE)) >= 0.5
    )
    if not small.any():
        return np.zeros(known.shape, np.float32)
    side = min(small.shape)
    rows, lowest = np.flatnonzero(small.any(1)), lowest_rows(small)
    stands = small.any(0) & (lowest > rows[-1] - 2 * BASE * (rows[-1] - rows[0]))
    down = np.arange(len(small))[:, None]
    foot = ((np.abs(down - lowest) <= max(3.0, 0.02 * side)) & stands).astype(np.float32)
    shadow = cv2.GaussianBlur(foot, (0, 0), sigmaX=0.06 * side, sigmaY=0.02 * side)
    return np.asarray(resize(shadow, *known.shape), np.float32)
