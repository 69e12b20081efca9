"""Where the paint is in a picture of a painting with its support: a frame, an arch, an oval."""

import json
import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.borders import Box
from deepart_assets.storage import MaterializationRecord, MaterializationStore

Flags = NDArray[np.bool_]

SUPPORT_SUFFIX = ".support.json"
"""Of the file that says where the painting is in its picture, where it has a support."""


class Support(NamedTuple):
    """Where the paint is in a picture of a painting with its support.

    `top` and `bottom` are the curves of an arch or an oval: the height of the support above
    (below) the painting at evenly spaced columns from the left side of `box` to the right one, as a
    share of the box's height; empty where the painting ends straight.
    """

    box: Box
    """The bounding box of the painting."""
    top: tuple[float, ...] = ()
    bottom: tuple[float, ...] = ()
    in_result: Literal["put_back", "crop"] = "put_back"
    """Whether it is part of the upscaled result."""

    @property
    def kind(self) -> Literal["frame", "arch", "oval"]:
        """What the support is called: a frame stands for all that is rectangular."""
        if not self.top:
            return "frame"
        return "oval" if self.bottom else "arch"

    def description(self) -> str:
        """Return the kind and the box in one line."""
        left, top, right, bottom = self.box
        return f"{self.kind}, painting {right - left}×{bottom - top} pixels at {left}, {top}"

    def to_json(self) -> bytes:
        """Return it as the lake keeps it; `from_json` reads it."""
        return json.dumps({**self._asdict(), "box": self.box._asdict()}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Support":
        """Read what `to_json` wrote."""
        content = json.loads(data)
        return cls(
            Box(**content["box"]),
            tuple(content["top"]),
            tuple(content["bottom"]),
            content["in_result"],
        )

    def painted(self, height: int, width: int) -> Flags:
        """Return where the paint is in the picture of H×W pixels: bool, H×W."""
        region = np.zeros((height, width), dtype=np.bool_)
        self.box.of(region)[:] = self.shape(*self.box.size)
        return region

    def resized(self, size: tuple[int, ...], copy: tuple[int, ...]) -> "Support":
        """Return the support in a copy of the picture, both sizes as (height, width)."""
        inner = within(Box(0, 0, copy[1], copy[0]), self.box, Box(0, 0, size[1], size[0]))
        return self._replace(box=inner)

    def visible(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the painting alone, H×W×3: corners outside of it repeat its nearest pixel."""
        import cv2

        part = np.ascontiguousarray(self.box.of(picture))
        painted = self.shape(*self.box.size)
        if painted.all():
            return part
        # Along a curve the paint is blurred with the support.
        rim = np.ones((2 * (min(painted.shape) // 200) + 3,) * 2, np.uint8)
        painted = cv2.erode(painted.astype(np.uint8), rim) > 0
        _, nearest = cv2.distanceTransformWithLabels(
            (~painted).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
        colours[nearest[painted]] = part[painted]
        return np.asarray(colours[nearest])

    def placed(self, part: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
        """Return a mask of the painting alone as one of the picture: uint8, H×W, 0 elsewhere."""
        whole_mask = np.zeros((height, width), np.uint8)
        self.box.of(whole_mask)[:] = part * self.shape(*self.box.size)
        return whole_mask

    def shape(self, height: int, width: int) -> Flags:
        """Return where the paint is inside of the box, enlarged or reduced to H×W: bool, H×W."""
        rows = (np.arange(height) + 0.5)[:, None] / height
        at = (np.arange(width) + 0.5) / width
        painted = np.ones((height, width), dtype=np.bool_)
        for curve, depth in ((self.top, rows), (self.bottom, 1 - rows)):
            if curve:
                painted &= depth >= np.interp(at, np.linspace(0, 1, len(curve)), curve)
        return painted


def support_in(store: MaterializationStore, record: MaterializationRecord) -> Support | None:
    """Return the support that a painting's predicted or subject mask was made with."""
    for index, file in enumerate(record.files):
        if file.path.endswith(SUPPORT_SUFFIX):
            return Support.from_json(store.read(record, index))
    return None


def within(box: Box, inner: Box, copy: Box) -> Box:
    """Return where a part of a copy of a box is; no pixel of it lies half outside of the part."""
    across = (box.right - box.left) / (copy.right - copy.left)
    down = (box.bottom - box.top) / (copy.bottom - copy.top)
    return Box(
        box.left + math.ceil(inner.left * across),
        box.top + math.ceil(inner.top * down),
        box.left + math.floor(inner.right * across),
        box.top + math.floor(inner.bottom * down),
    )
