"""Lays a ground under a subject: fills its hole, shades it and softens the outline.

All widths are in pixels of a picture whose smaller side is 512, and grow with the picture, so that
the same placement can be rendered at any size.
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import resize, working_size
from deepart_assets.outpainting.ground_tone import lowest_rows
from deepart_assets.outpainting.patchmatch import fill, load_patchmatch
from deepart_assets.outpainting.scene_completion import colours
from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.footing import footing_of
from deepart_assets.outpainting.scene_completion.ground import SIDE, Ground
from deepart_assets.outpainting.scene_completion.halo import haloed
from deepart_assets.outpainting.scene_completion.hole import gradient_of
from deepart_assets.outpainting.scene_completion.placement import Window
from deepart_assets.outpainting.scene_completion.resting import Rest, with_body, with_plane
from deepart_assets.outpainting.scene_completion.walls import blemishes, made_good

PATCH = 4
"""Of PatchMatch, which fills what is visible of a hole; in pixels of at most `FILLED_SIDE`."""
FILLED_SIDE = 512
"""Holes of larger grounds are filled at this smaller side: the same at every size."""
MATTE = 1.8
"""How far the subject's colours go on outside the mask, fading."""
OCCLUSION, CONTACT, STANDING = 0.07, 0.35, 0.14
"""How much darker it is around the subject, under a base that is seen, and where the mask keeps a
strip of the floor, with the shadow on it."""
UNDERSIDE, DEEP = 0.75, 0.16
"""How much of a black wall's light is lost under what hangs over, and how far down to 1/e."""
LOW = 0.65
"""Lower than this share of the subject's height hang a train or a table, and no arm."""
GLOW, CORNERS, WITHIN = 0.08, 0.2, 0.75
"""How much lighter a wall is behind a head, how much darker far from it, and how far that is, as a
share of the picture's diagonal: the light of a studio."""
SINKS, SHADE = 0.65, 0.25
"""How much darker the wall is at the frame below a body that is continued, which is lost there, and
the share of the height over which it gets so dark at least."""


def lay(
    picture: NDArray[np.uint8], ground: Ground, known: NDArray[np.bool_], choice: Choice
) -> NDArray[np.uint8]:
    """Lay a ground on a canvas and fill what is seen of its hole; a wall is made good, too.

    Args:
        picture: The ground's picture in any size, uint8, RGB.
        ground: What is known of it.
        known: bool, H×W: the subject.
        choice: How it is laid.

    Returns:
        uint8, H×W×3.
    """
    import cv2

    (height, width), unit = known.shape, _unit(known)
    corner = round(choice.offset[0] * height), round(choice.offset[1] * width)
    scale = choice.scale * unit
    window = Window.of(ground, (height, width), scale=scale, offset=corner, flip=choice.flip)
    laid, hole = window.cut(resize(picture, *window.size)), window.hole(ground)
    if choice.wall:
        gradient = gradient_of(resize(picture, *ground.shape))
        hole |= window.cut(blemishes(gradient, ground, window.size))
    reach = round(4 * unit)
    near = cv2.dilate((~known).astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    seen, hidden = hole & near, hole & ~near
    if seen.any():
        filled = _fill(laid, seen, hidden)
        soft = np.maximum(cv2.GaussianBlur(seen.astype(np.float32), (0, 0), unit), seen)[..., None]
        laid = np.asarray(np.round(laid * (1 - soft) + filled * soft), np.uint8)
    return made_good(laid, unit) if choice.wall else laid


def finish(
    laid: NDArray[np.uint8], picture: NDArray[np.uint8], known: NDArray[np.bool_], choice: Choice
) -> NDArray[np.uint8]:
    """Return the laid ground in the subject's tone and sharpness, shaded, with a soft outline.

    A wall is dark under what hangs over: before it there is nothing else.

    Args:
        laid: As `lay` gives it.
        picture: uint8, H×W×3: the subject.
        known: bool, H×W: where it is.
        choice: How its colours are mapped, and what is painted under the subject.

    Returns:
        uint8, H×W×3; the subject's pixels are those of `picture`.
    """
    rest = choice.rest
    gain, shift = (np.array(each, np.float32) for each in (choice.gain, choice.shift))
    toned = colours.mapped(laid, gain, shift)
    told = choice.light
    if told is not None:
        toned = (colours.lit if choice.wall else colours.keyed)(toned, told, known)
    toned = colours.softened(toned, picture, known)
    plane = None if rest == "body" else rest
    contact = CONTACT
    if plane is not None:
        footing = footing_of(picture, known)
        toned = with_plane(toned, known, plane, footing, told.below if told else None)
        contact += footing.certainty * (STANDING - CONTACT)
    shaded = toned * _shade(known, rest, contact)[..., None]
    if choice.wall:
        shaded *= _studio_light(known, sinks=rest == "body")[..., None]
        if rest not in ("body", "ledge"):
            shaded *= 1 - _underside(shaded, known)[..., None]
    if rest == "body":
        shaded = with_body(shaded, picture, known)
    shaded = haloed(shaded, picture, known, _unit(known))
    matted = _matte(shaded, picture, known)
    return np.where(known[..., None], picture, np.round(matted).clip(0, 255).astype(np.uint8))


def _unit(known: NDArray[np.bool_]) -> float:
    """Return how many pixels one pixel at a smaller side of 512 is."""
    return min(known.shape) / SIDE


def _fill(
    laid: NDArray[np.uint8], seen: NDArray[np.bool_], hidden: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Fill a hole with the ground's own paint; what is hidden is neither filled nor copied.

    Raises:
        UnavailableError: PyPatchMatch is missing, or its library does not load.
    """
    patch_match = load_patchmatch("scene completion")
    height, width = seen.shape
    size = working_size(height, width, FILLED_SIDE)
    small = [resize(each.astype(np.uint8) * 255, *size) >= 128 for each in (seen, hidden)]
    filled = fill(patch_match, resize(laid, *size), small[0], hidden=small[1], patch=PATCH, seed=0)
    return np.asarray(resize(filled, height, width))


def _shade(known: NDArray[np.bool_], rest: Rest | None, contact: float) -> NDArray[np.float32]:
    """Return by how much it is darker around the subject and under a base, unless that is cut."""
    import cv2

    height = len(known)
    side = float(min(known.shape))
    mask = known.astype(np.float32)
    around = cv2.GaussianBlur(mask, (0, 0), 0.012 * side)
    light = 1 - OCCLUSION * np.clip(2 * around, 0, 1)
    rows = np.flatnonzero(known.any(1))
    top, bottom = int(rows[0]), int(rows[-1])
    if rest == "floor" or (bottom < 0.98 * height and rest != "body"):
        lowest = lowest_rows(known)
        stands = known.any(0) & (lowest > bottom - 0.12 * (bottom - top))
        down = np.arange(height)[:, None]
        thick = max(3.0, 0.012 * side)
        line = (np.abs(down - lowest) <= thick) & stands
        shadow = cv2.GaussianBlur(
            line.astype(np.float32), (0, 0), sigmaX=0.035 * side, sigmaY=0.012 * side
        )
        light *= 1 - contact * np.clip(1.6 * shadow, 0, 1)
    return np.asarray(light, np.float32)


def _studio_light(known: NDArray[np.bool_], *, sinks: bool) -> NDArray[np.float32]:
    """Return the light on a wall, lightest behind a head: float32, H×W, about 1."""
    height, width = known.shape
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    top, bottom = int(rows[0]), int(rows[-1])
    down = np.arange(height, dtype=np.float32)[:, None]
    across = np.arange(width, dtype=np.float32)[None]
    centre = top + 0.25 * (bottom - top), (columns[0] + columns[-1]) / 2
    away = np.hypot(down - centre[0], across - centre[1]) / (WITHIN * np.hypot(height, width))
    far = np.clip(away, 0, 1)
    light = 1 + GLOW - (GLOW + CORNERS) * far * far * (3 - 2 * far)
    if sinks:
        deep = np.clip((down - bottom) / max(height - bottom, SHADE * height) + 0.35, 0, 1)
        light *= 1 - SINKS * deep * deep * (3 - 2 * deep)
    return np.asarray(light, np.float32)


def _underside(wall: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much of the light is lost under what hangs over: float32, H×W, 0 to 1."""
    import cv2

    if known.all():
        return np.zeros(known.shape, np.float32)

    height, _ = known.shape
    side = float(min(known.shape))
    rows = np.flatnonzero(known.any(1))
    top, bottom = int(rows[0]), int(rows[-1])
    lowest = lowest_rows(known)
    hangs = known.any(0) & (lowest > top + LOW * (bottom - top))
    down = np.arange(height, dtype=np.float32)[:, None]
    below = down - lowest
    under = np.where(hangs & (below >= 0), np.exp(-below / (DEEP * side)), 0).astype(np.float32)
    soft = cv2.GaussianBlur(under, (0, 0), sigmaX=0.04 * side, sigmaY=0.015 * side)
    # A shadow that passes on a dark wall is a stain on a light one.
    return np.asarray(soft * UNDERSIDE * (1 - float(wall[~known].mean()) / 255), np.float32)


def _matte(
    shaded: NDArray[np.float32], picture: NDArray[np.uint8], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Continue the colours of the subject's rim a little outside, fading."""
    import cv2

    unit = _unit(known)
    mask = known.astype(np.float32)
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5)
    sigma = 1.2 * max(unit, 1)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma)
    rim = cv2.GaussianBlur(picture.astype(np.float32) * mask[..., None], (0, 0), sigma)
    rim /= np.maximum(weight, 1e-4)[..., None]
    share = np.clip(1 - (away - 0.5) / (MATTE * max(unit, 1)), 0, 1)
    share = share * share * (3 - 2 * share) * (weight > 1e-3) * ~known
    return np.asarray(shaded * (1 - share[..., None]) + rim * share[..., None])
