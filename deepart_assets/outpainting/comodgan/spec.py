"""The architecture of a CoModGAN: its sizes."""

from __future__ import annotations

from dataclasses import dataclass

MAPPING_LAYERS = 8
SMALLEST = 4
"""Side of the coarsest feature maps."""


@dataclass(frozen=True)
class Spec:
    """The sizes of one CoModGAN.

    Attributes:
        resolution: Side R of the pictures, a power of two of at least 16.
        widths: Channels of the feature maps of side 4, 8, …, R.
        latent: Length of z and w.
        code: Length of the encoder's global code g.
    """

    resolution: int
    widths: tuple[int, ...]
    latent: int = 512
    code: int = 1024

    def __post_init__(self) -> None:
        if self.resolution < 16 or self.resolution & (self.resolution - 1):
            raise ValueError(f"{self.resolution} is no power of two from 16")
        if len(self.widths) != len(self.sides) or min(*self.widths, self.latent, self.code) < 1:
            raise ValueError(f"{self.widths} are no widths for {self.sides}")

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides of the feature maps from 4 to R."""
        return tuple(SMALLEST << k for k in range(self.resolution.bit_length() - 2))

    @property
    def layers(self) -> int:
        """The number of style inputs, 2·log2(R) - 2."""
        return 2 * self.resolution.bit_length() - 4

    @property
    def noise_sides(self) -> tuple[int, ...]:
        """The side of each noise input: 4, 8, 8, 16, 16, …, R, R."""
        return (SMALLEST, *(side for side in self.sides[1:] for _ in range(2)))

    def width(self, side: int) -> int:
        """Return the number of channels of the feature maps at one side."""
        return self.widths[self.sides.index(side)]


def spec_for(
    resolution: int, base: int = 32768, most: int = 512, latent: int = 512, code: int = 1024
) -> Spec:
    """Return the sizes with min(base / r, most) channels at side r; the published ones by default.

    Args:
        resolution: As for `Spec`.
        base: Channels times side, below the limit `most`.
        most: The largest number of channels.
        latent: As for `Spec`.
        code: As for `Spec`.
    """
    sides = (SMALLEST << k for k in range(resolution.bit_length() - 2))
    return Spec(resolution, tuple(min(base // side, most) for side in sides), latent, code)
