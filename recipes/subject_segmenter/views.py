"""Augmented views for training a segmenter: crops, colours, subjects on other grounds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging import fit_within, resize

SIDE = 900
"""Longer side of the pictures that composites are made from, in pixels."""
TOUCH = 0.02
"""A subject so near to the frame, as a share of the side, is cut by it."""


class Labelled(NamedTuple):
    """A picture and its soft mask."""

    picture: NDArray[np.uint8]
    """H×W×3, RGB."""
    mask: NDArray[np.float32]
    """H×W in [0, 1], 1 = subject."""


class CutOut(NamedTuple):
    """A subject's bounding box."""

    picture: NDArray[np.uint8]
    mask: NDArray[np.float32]
    cut: tuple[bool, bool, bool, bool]
    """Whether the frame cuts the subject at the top, bottom, left and right."""


def varied(view: Labelled, random: np.random.Generator) -> Labelled:
    """Crop (three in four), mirror (one in two) and recolour (three in five) a view."""
    picture, mask = view
    if random.random() < 0.75:
        height, width = (max(1, int(side * random.uniform(0.6, 1))) for side in mask.shape)
        top = random.integers(0, mask.shape[0] - height + 1)
        left = random.integers(0, mask.shape[1] - width + 1)
        box = np.s_[top : top + height, left : left + width]
        picture, mask = picture[box], mask[box]
    if random.random() < 0.5:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
    if random.random() < 0.6:
        picture = recoloured(picture, random)
    return Labelled(np.ascontiguousarray(picture), np.ascontiguousarray(mask))


def recoloured(picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Change gamma (rather darker), saturation (at times grey), brightness and tint."""
    colours = (picture / np.float32(255)) ** np.exp(random.uniform(-0.35, 0.6))
    grey = colours.mean(axis=2, keepdims=True)
    least = 0.0 if random.random() < 0.2 else 0.5
    colours = grey + (colours - grey) * random.uniform(least, 1.3)
    colours *= random.uniform(0.75, 1.1) * random.uniform(0.93, 1.07, 3)
    return (colours.clip(0, 1) * 255).astype(np.uint8)


def framed(view: Labelled, random: np.random.Generator) -> Labelled:
    """Put a frame around a view (three in five), or an oval's or arch's corners over it.

    None of it is subject: the support of a painting must not be taken for it.
    """
    picture, mask = view
    height, width = mask.shape
    shade = random.integers(0, 255, 3) * random.uniform(0.2, 1)
    if random.random() < 0.6:
        wide = max(4, int(max(height, width) * random.uniform(0.03, 0.14)))
        canvas = np.full((height + 2 * wide, width + 2 * wide, 3), shade, np.float32)
        canvas += random.normal(0, random.uniform(1, 14), canvas.shape[:2])[..., None]
        if random.random() < 0.6:
            inner, lip = (int(wide * random.uniform(*each)) for each in ((0.2, 0.7), (0.7, 0.95)))
            canvas[inner:-inner, inner:-inner] = random.integers(0, 255, 3)
            canvas[lip:-lip, lip:-lip] *= random.uniform(0.3, 1.2)
        inside = np.s_[wide:-wide, wide:-wide]
        canvas[inside] = picture
        label = np.zeros(canvas.shape[:2], np.float32)
        label[inside] = mask
        return Labelled(canvas.clip(0, 255).astype(np.uint8), label)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    painted = y**2 + x**2 < random.uniform(0.85, 1)
    if random.random() < 0.4:  # an arch: the lower half keeps its corners
        painted |= (y > 0) & (np.abs(x) < 0.97)
    canvas = np.where(painted[..., None], picture, shade)
    return Labelled(canvas.astype(np.uint8), (mask * painted).astype(np.float32))


def cut_out(view: Labelled) -> CutOut | None:
    """Return the parts of a subject that cover over 0.4% of the area; None if there are none."""
    import cv2

    picture, mask = _at_most(view, SIDE)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    large = [part for part in range(1, count) if statistics[part, 4] > 0.004 * mask.size]
    kept = np.isin(labels, large)
    if not kept.any():
        return None
    rows, columns = np.nonzero(kept.any(axis=1))[0], np.nonzero(kept.any(axis=0))[0]
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = mask.shape
    cut = (
        bool(top < TOUCH * height),
        bool(bottom > (1 - TOUCH) * height),
        bool(left < TOUCH * width),
        bool(right > (1 - TOUCH) * width),
    )
    near = cv2.dilate(kept.astype(np.uint8), np.ones((9, 9), np.uint8))
    box = np.s_[top:bottom, left:right]
    return CutOut(picture[box], (mask * near)[box].astype(np.float32), cut)


def mirrored(subject: CutOut) -> CutOut:
    """Return the mirror image."""
    top, bottom, left, right = subject.cut
    return CutOut(subject.picture[:, ::-1], subject.mask[:, ::-1], cut=(top, bottom, right, left))


def composite(
    subject: CutOut, others: Sequence[CutOut], ground: Labelled, random: np.random.Generator
) -> Labelled:
    """Put a subject, and perhaps smaller ones, before another painting's ground.

    Edges that a frame cut come to the frame again. The ground is often darker and at times blurred,
    the whole at times dark and noisy, so that figures in shade are learnt as well.
    """
    import cv2

    picture, mask = _ground(ground, random)
    canvas = picture.astype(np.float32)
    if random.random() < 0.5:
        canvas *= random.uniform(0.15, 0.6)
    _place(canvas, mask, subject, random.uniform(0.55, 1), random)
    for other in others:
        _place(canvas, mask, other, random.uniform(0.3, 0.6), random)
    if random.random() < 0.35:
        canvas *= random.uniform(0.35, 1)
    if random.random() < 0.5:
        canvas = cv2.GaussianBlur(canvas, (0, 0), 0.7)
    if random.random() < 0.5:
        canvas += random.normal(0, random.uniform(2, 8), canvas.shape[:2])[..., None]
    done = canvas.clip(0, 255).astype(np.uint8)
    return Labelled(recoloured(done, random) if random.random() < 0.5 else done, mask)


def _ground(ground: Labelled, random: np.random.Generator) -> Labelled:
    import cv2

    picture, mask = _at_most(ground, SIDE)
    if random.random() < 0.7:
        aspect = np.exp(random.uniform(-0.6, 0.4))
        height = int(min(mask.shape[0], mask.shape[1] / aspect))
        width = max(1, int(min(mask.shape[1], height * aspect)))
        top = random.integers(0, mask.shape[0] - height + 1)
        left = random.integers(0, mask.shape[1] - width + 1)
        box = np.s_[top : top + height, left : left + width]
        picture, mask = picture[box], mask[box]
    size = fit_within(mask.shape[0], mask.shape[1], 700)
    picture, mask = resize(picture, *size), resize(mask, *size).clip(0, 1)
    if random.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(1, 6))
    return Labelled(picture, mask.copy())


def _place(
    canvas: NDArray[np.float32],
    label: NDArray[np.float32],
    subject: CutOut,
    share: float,
    random: np.random.Generator,
) -> None:
    """Draw a subject onto a canvas and its label, in place.

    Args:
        canvas: float32, H×W×3, 0 to 255.
        label: float32, H×W.
        subject: What is drawn.
        share: Its size, of the largest that fits.
        random: Where it stands, and how far its colours go towards the ground's.
    """
    top, bottom, left, right = subject.cut
    height, width = label.shape
    rows, columns = subject.mask.shape
    scale = min(height / rows, width / columns) * share
    if left and right:
        scale = width / columns
    if top and bottom:
        scale = height / rows
    size = max(1, int(rows * scale)), max(1, int(columns * scale))
    picture, mask = resize(subject.picture, *size), resize(subject.mask, *size).clip(0, 1)

    if bottom:
        y = height - size[0]
    else:
        y = 0 if top else int(random.uniform(0.3, 1) * max(0, height - size[0]))
    if left:
        x = 0
    else:
        x = width - size[1] if right else int(random.uniform(0, 1) * max(0, width - size[1]))
    picture, mask = picture[max(0, -y) :, max(0, -x) :], mask[max(0, -y) :, max(0, -x) :]
    y, x = max(0, y), max(0, x)
    picture, mask = picture[: height - y, : width - x], mask[: height - y, : width - x]

    box = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
    inside = mask > 0.5
    if not inside.any():
        return
    own, there = picture[inside].mean(axis=0), canvas[box].mean(axis=(0, 1))
    towards = random.uniform(0, 0.6)
    fitted = (picture - own) * (1 - 0.4 * towards) + own + (there - own) * towards
    canvas[box] += (fitted - canvas[box]) * mask[..., None]
    label[box] = np.maximum(mask, label[box] * (1 - mask))


def _at_most(view: Labelled, side: int) -> Labelled:
    size = fit_within(view.mask.shape[0], view.mask.shape[1], side)
    return Labelled(resize(view.picture, *size), resize(view.mask, *size).clip(0, 1))
