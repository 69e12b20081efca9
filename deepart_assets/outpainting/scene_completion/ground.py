"""A ground: what the library knows of one painting that may lend its surround."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import perceptual_hash, resize, working_size
from deepart_assets.outpainting.scene_completion.hole import find_hole, plainness
from deepart_assets.outpainting.scene_completion.npz import arrays_in, npz_of
from deepart_assets.outpainting.scene_completion.probes import KINDS, likely_kind, places
from deepart_assets.outpainting.scene_completion.subject import Subject
from deepart_assets.outpainting.scene_completion.vectors import (
    pooled,
    tokens_of,
    unit,
)
from deepart_assets.outpainting.tone import lab_of

SIDE = 512
"""Smaller side in pixels of what is looked at."""
CELL = 8
"""Side in pixels of a cell of the hole."""
FULL = 0.8
"""A painting with a larger share of hole has no ground to lend."""
WET = 0.4
"""Added to the probe for water, which overlooks a third of it: its labels are weak."""
VERSION = 2
"""Of the file format."""
_GENRES = {
    "still": r"still|flower|vanitas",
    "landscape": r"landscape|marin|cityscape|seascape|veduta|panorama",
    "interior": r"interior",
    "figure": r"portrait|figur|genre|religio|mytholog|histor|nude|battle|allegor|literary",
}


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """What the library knows of one painting at a smaller side of 512 pixels.

    Vectors are float16. Those of the subject are zeros where the painting has none.
    """

    id: str
    title: str
    artist: str
    licence: str
    source: str
    year: int | None
    kind: str
    """One of `KINDS`."""
    shape: tuple[int, int]
    """Height and width in pixels, the smaller side 512 or the picture's own if that is less."""
    plain: float
    """Mean gradient of the paint next to the hole, in L*a*b* per pixel; small for a bare wall."""
    base_row: float | None
    """Lowest row of the subject as a share of the height; None if there is no subject, or the
    frame cuts it."""
    rows: tuple[float, float]
    """First and last row of the subject as shares of the height; (0, 0) without one."""
    usable: bool
    """False if more than `FULL` of it is hole."""
    hash: int
    """Perceptual hash of the picture, 64 bits."""
    mirrored_hash: int
    """Of the mirrored picture."""
    horizon: float | None
    """Where the sky ends, as a share of the height; None without a sky."""
    light: float
    """How much lighter the ground is on the left than on the right, in deviations of L*."""
    packed_hole: NDArray[np.uint8]
    """The bits of `hole`, packed: nothing else of a ground is as large."""
    standing: NDArray[np.int8]
    """r×c patches: where somebody can stand, from -100 (sky, water, a wall) to 100 (a floor)."""
    subject: NDArray[np.float16]
    """384: the ViT's tokens pooled in the subject, the surround greyed."""
    ground: NDArray[np.float16]
    """384: the ViT's tokens of the whole picture, pooled outside the hole."""
    texture: NDArray[np.float16]
    """224: see `texture_of`, of the subject."""
    palette: NDArray[np.float16]
    """7×3: quantiles 2, 10, 25, 50, 75, 90, 98 of the subject's L*a*b*."""
    tones: NDArray[np.float16]
    """2×2×3: mean and deviation of L*a*b* of the subject, then of the ground."""

    @property
    def has_subject(self) -> bool:
        """Whether a subject was found."""
        return self.rows[1] > 0

    @property
    def hole(self) -> NDArray[np.bool_]:
        """⌈H/8⌉×⌈W/8⌉: True where a cell shows the subject, another figure or the scan's border."""
        rows, columns = (-(-each // CELL) for each in self.shape)
        bits = np.unpackbits(self.packed_hole, count=rows * columns)
        return bits.reshape(rows, columns).view(np.bool_)

    def to_bytes(self) -> bytes:
        """Return the ground as an npz file (NumPy's, without pickle)."""
        arrays: dict[str, NDArray] = {}
        plain: dict[str, Any] = {"version": VERSION}
        for each in fields(self):
            name = "hole" if each.name == "packed_hole" else each.name
            value = getattr(self, name)
            (arrays if isinstance(value, np.ndarray) else plain)[name] = value
        header = np.frombuffer(json.dumps(plain, sort_keys=True).encode(), np.uint8)
        return npz_of({"header": header, **arrays})

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> "Ground":
        """Read what `to_bytes` wrote.

        Args:
            data: The file.
            name: Its name, for the message.

        Raises:
            PaintingError: The file is damaged, or another version's.
        """
        try:
            arrays: dict[str, Any] = arrays_in(data)
            values = json.loads(arrays.pop("header").tobytes())
            if values.pop("version") != VERSION:
                raise ValueError("another version's")
            values["shape"], values["rows"] = tuple(values["shape"]), tuple(values["rows"])
            packed_hole = np.packbits(arrays.pop("hole"))
            return cls(**values, **arrays, packed_hole=packed_hole)
        except (ValueError, KeyError, TypeError) as error:
            raise PaintingError(
                f"{name} is not a ground of this version ({error}): materialize it again"
            ) from error


def describe_ground(
    picture: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    *,
    id: str,
    labels: Mapping[str, str],
) -> Ground:
    """Describe a painting that may lend its ground.

    Args:
        picture: uint8, H×W×3, RGB, of any size.
        mask: bool, H×W, True = subject; it may be empty.
        probability: float, of any size, in [0, 1]: the segmenter's map, which also tells of what
            the mask leaves out; None if there is none.
        id: The painting's.
        labels: Of the catalogue; title, artist, style, genre, date, licence and source are read.

    Raises:
        UnavailableError: A network's package is missing.
    """
    height, width = working_size(picture.shape[0], picture.shape[1], SIDE)
    small = resize(picture, height, width)
    subject = Subject.of(small, resize(mask.astype(np.float32), height, width) >= 0.5)
    tokens = tokens_of(small)
    kind = kind_of(labels) or likely_kind(tokens)
    seen_places = places(tokens)
    hole = find_hole(small, subject.mask, probability, seen_places["figure"], kind)
    usable = bool(hole.mean() <= FULL)
    outside = np.where(hole, 0, 1).astype(np.float32)
    whole = lab_of(small)
    lab = whole[~hole if usable else np.ones_like(hole)]
    tones = np.stack([subject.tone, np.stack([lab.mean(0), lab.std(0)])])
    return Ground(
        id=id,
        title=labels.get("title", ""),
        artist=labels.get("artist", ""),
        licence=labels.get("licence", ""),
        source=labels.get("source", ""),
        year=year_of(labels.get("date", "")),
        kind=kind,
        shape=(height, width),
        plain=plainness(small, hole),
        base_row=subject.base_row,
        rows=subject.rows,
        usable=usable,
        hash=perceptual_hash(small),
        mirrored_hash=perceptual_hash(np.ascontiguousarray(small[:, ::-1])),
        horizon=horizon_of(seen_places["sky"]),
        light=light_from(whole[..., 0], ~hole),
        packed_hole=np.packbits(cells_of(hole)),
        standing=standing_on(seen_places),
        subject=subject.vector.astype(np.float16),
        ground=unit(pooled(tokens, outside)).astype(np.float16),
        texture=subject.texture.astype(np.float16),
        palette=subject.palette.astype(np.float16),
        tones=tones.astype(np.float16),
    )


def cells_of(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which cells of 8×8 pixels have at least one pixel of hole: bool, ⌈H/8⌉×⌈W/8⌉."""
    height, width = hole.shape
    padded = np.pad(hole, ((0, -height % CELL), (0, -width % CELL)))
    return np.asarray(padded.reshape(len(padded) // CELL, CELL, -1, CELL).any((1, 3)))


def year_of(date: str) -> int | None:
    """Return the first year of three or four digits in a date; None if there is none."""
    found = re.search(r"(?<!\d)\d{3,4}(?!\d)", date)
    return int(found[0]) if found else None


def kind_of(labels: Mapping[str, str]) -> str | None:
    """Return which of `KINDS` a genre of WikiArt is; None if it is unknown."""
    genre = labels.get("genre", "").casefold()
    return next((kind for kind in KINDS if re.search(_GENRES[kind], genre)), None)


def horizon_of(sky: NDArray[np.float32]) -> float | None:
    """Return where the sky ends, as a share of the height; None unless half of the top is sky."""
    found = sky > 0
    if found[:2].mean() < 0.5 or not found[0].any():
        return None
    depths = np.where(found.all(0), len(found), found.argmin(0))
    return float(np.median(depths[depths > 0]) / len(found))


def standing_on(seen: Mapping[str, NDArray[np.float32]]) -> NDArray[np.int8]:
    """Return where somebody can stand: int8, r×c, from -100 to 100; see `Ground.standing`."""
    worst = np.maximum(seen["sky"], seen["water"] + WET)
    return np.asarray(100 * np.clip(seen["floor"] - np.maximum(worst, 0), -1, 1), np.int8)


def light_from(lightness: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """Return how much lighter it is on the left than on the right, in deviations, -3 to 3."""
    middle = lightness.shape[1] // 2
    left, right = (
        lightness[:, half][where[:, half]] for half in (slice(middle), slice(middle, None))
    )
    if not left.size or not right.size:
        return 0.0
    deviation = float(lightness[where].std()) + 1e-3
    return float(np.clip((left.mean() - right.mean()) / deviation, -3, 3))
