"""Which ground a painting gets, and how it is laid: what the record keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deepart_assets.outpainting.ground_tone import GroundTone
from deepart_assets.outpainting.scene_completion.resting import Rest


@dataclass(frozen=True)
class Choice:
    """A ground for a painting, how it is laid, and what it costs."""

    ground: str
    """Its id in the library."""
    flip: bool
    """Whether it is mirrored."""
    scale: float
    """From the ground's pixels to the picture's, both at a smaller side of 512."""
    offset: tuple[float, float]
    """Row and column of the picture in the scaled ground, as shares of its height and width."""
    gain: tuple[float, float, float]
    """By which the ground's L*, a* and b* are spread about their mean."""
    shift: tuple[float, float, float]
    """By which their mean is moved."""
    cost: float
    fits: bool
    """False if no ground of the library suits the subject, so that only plain ones were taken."""
    terms: Mapping[str, float]
    """The cost's parts."""
    rest: Rest | None = None
    """What is painted under the subject, as the ground has nothing for it to rest on."""
    wall: bool = False
    """Whether it is a plain ground, whose blemishes are painted over."""
    light: GroundTone | None = None
    """The tone of the old ground, which this one follows, and what is painted under the subject."""

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {**asdict(self), "terms": dict(self.terms)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Choice":
        """Return what `to_dict` described, read from JSON."""
        tuples = {name: tuple(values[name]) for name in ("offset", "gain", "shift")}
        light = GroundTone.from_dict(values.get("light"))
        return cls(**{**values, **tuples, "light": light})
