"""The architecture of a CoModGAN: its sizes, and the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deepart_assets.errors import UnavailableError

MAPPING_LAYERS = 8
SMALLEST = 4
"""Side of the coarsest feature maps."""

Shape = tuple[int, ...]


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


def generator_shapes(spec: Spec) -> dict[str, Shape]:
    """Return name and shape of every tensor of a generator, including noise and the mean of w."""
    import torch

    from deepart_assets.outpainting.comodgan.generator import Generator

    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in Generator(spec).state_dict().items()}


def spec_of(shapes: Mapping[str, Shape], name: str) -> Spec:
    """Infer the sizes from the shapes of a generator's tensors.

    Args:
        shapes: Shape by tensor name.
        name: The file's name, for messages.

    Raises:
        UnavailableError: Tensors are missing or unknown, or have inconsistent shapes.
    """
    sides = [SMALLEST]
    while f"synthesis.b{2 * sides[-1]}.conv1.weight" in shapes:
        sides.append(2 * sides[-1])
    last = "conv" if len(sides) == 1 else "conv1"
    try:
        widths = [shapes["synthesis.b4.conv.weight"][0]]
        widths += [shapes[f"synthesis.b{side}.conv1.weight"][0] for side in sides[1:]]
        latent, code = shapes["mapping.fc0.weight"][0], shapes["encoder.b4.fc.weight"][0]
        spec = Spec(sides[-1], tuple(widths), latent, code)
        expected = generator_shapes(spec)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise UnavailableError(
            f"{name} holds no CoModGAN generator ({error} up to synthesis.b{sides[-1]}.{last}):"
            " choose a file of a CoModGAN, or fetch it again if it may be cut short"
        ) from error
    missing = sorted(expected.keys() - shapes.keys())
    unknown = sorted(shapes.keys() - expected.keys())
    wrong = sorted(key for key in expected.keys() & shapes.keys() if expected[key] != shapes[key])
    if not missing and not unknown and not wrong:
        return spec
    faults = [f"{missing[0]} is missing ({len(missing)} in all)"] if missing else []
    faults += [f"{unknown[0]} is not known ({len(unknown)} in all)"] if unknown else []
    faults += [f"{key} is {shapes[key]} instead of {expected[key]}" for key in wrong[:1]]
    raise UnavailableError(
        f"{name} does not fit a CoModGAN of {spec.resolution} pixels: {'; '.join(faults)}; choose"
        " another file, or fetch it again if it may be cut short"
    )
