"""Drawn paintings, and grounds whose vectors are drawn by lot: for tests without the networks."""

from dataclasses import replace

import cv2
import numpy as np

from deepart_assets.imaging import perceptual_hash, resize
from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.ground import Ground, cells_of
from deepart_assets.outpainting.scene_completion.matching import Match
from deepart_assets.outpainting.scene_completion.subject import Subject


def paint(seed, height=256, width=200):
    """Return strokes of many sizes and colours: uint8, H×W×3; there is detail everywhere."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:] = random.integers(60, 200, 3)
    for _ in range(160):
        centre = tuple(int(each) for each in random.integers(0, (width, height)))
        axes = tuple(int(each) for each in random.integers(2, 18, 2))
        colour = tuple(int(each) for each in random.integers(0, 256, 3))
        cv2.ellipse(picture, centre, axes, float(random.integers(180)), 0, 360, colour, -1)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def oval(height=256, width=200, *, centre=(0.6, 0.5), radii=(0.3, 0.25)):
    """Return the mask of an oval; centre and radii are shares of the height and the width."""
    y, x = np.mgrid[:height, :width]
    down, across = y / height - centre[0], x / width - centre[1]
    return (down / radii[0]) ** 2 + (across / radii[1]) ** 2 < 1


def subject(picture, mask):
    """Return a subject whose vectors say nothing."""
    return Subject(picture, mask, np.zeros(384, np.float32), np.zeros(224, np.float32))


def match(*, still=0.0, outdoors=0.0, cut=0.0, is_bust=False, afloat=0.0):
    """Return a match with no grounds: what is known of a subject."""
    return Match({}, np.zeros(0, np.float32), still, outdoors, cut, is_bust, afloat)


def choice(**changes):
    """Return a choice of a ground that is laid as it is."""
    where = {"ground": "g", "flip": False, "scale": 512 / 100, "offset": (0, 0)}
    colours = {"gain": (1, 1, 1), "shift": (0, 0, 0)}
    return Choice(**{**where, **colours, "cost": 0.0, "fits": True, "terms": {}, **changes})


def ground(name, seed=0, *, picture=None, mask=None, **changes):
    """Return a ground of a picture with vectors by lot; a wall without a subject by default."""
    random = np.random.default_rng([seed, len(name)])
    picture = paint(seed) if picture is None else picture
    mask = np.zeros(picture.shape[:2], bool) if mask is None else mask
    seen = subject(picture, mask)

    def by_lot(*shape):
        return random.normal(size=shape).astype(np.float16)

    made = Ground(
        id=name,
        title=f"Title {name}",
        artist=f"Artist {name}",
        licence="CC0-1.0",
        source="drawn",
        year=1850,
        kind="figure",
        shape=mask.shape,
        plain=5.0,
        base_row=seen.base_row,
        rows=seen.rows,
        usable=True,
        hash=perceptual_hash(picture),
        mirrored_hash=perceptual_hash(np.ascontiguousarray(picture[:, ::-1])),
        horizon=None,
        light=0.0,
        packed_hole=np.packbits(cells_of(mask)),
        standing=np.zeros((22, 18), np.int8),
        subject=by_lot(384),
        ground=by_lot(384),
        texture=by_lot(224),
        palette=by_lot(7, 3),
        tones=by_lot(2, 2, 3),
    )
    return replace(made, **changes)


def reduced(pictures):
    """Return the function that gives a library its pictures."""

    def picture(name, side):
        whole = pictures[name]
        factor = min(1, side / min(whole.shape[:2]))
        return resize(whole, *(round(each * factor) for each in whole.shape[:2]))

    return picture
