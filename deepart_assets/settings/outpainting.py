"""The settings of the outpainters, but for Stable Diffusion's: those have a module of their own.

Belongs here: names, types, defaults, ranges, and what each setting means. Does not belong here:
code that acts on a setting.
"""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.generator_training import GeneratorTraining
from deepart_assets.settings.section import Section
from deepart_assets.settings.stable_diffusion import Precision, StableDiffusion


class Telea(Section):
    """Fast marching inpainting (Telea 2004) of OpenCV, at a reduced size: smooth colour fields."""

    kind: Literal["telea"]
    scale: float = Field(0.25, gt=0, le=1)
    radius: int = Field(12, ge=1, description="Neighbourhood in pixels of the reduced size.")


class PatchMatch(Section):
    """PatchMatch inpainting (Barnes et al. 2009) of PyPatchMatch, at a reduced size."""

    kind: Literal["patchmatch"]
    scale: float = Field(0.5, gt=0, le=1)
    patch: int = Field(5, ge=3)


class DriveGenerator(Section):
    """A published CoModGAN on Google Drive: the checkpoint, or an archive that it is in."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    member: str | None = Field(
        None, min_length=1, description="The end of the checkpoint's path in an archive."
    )


class FileGenerator(Section):
    """A file of a CoModGAN: the official pickle, PyTorch's or safetensors."""

    kind: Literal["file"]
    path: str = Field(min_length=1, description="A path, relative to the project.")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="Left out: whatever the file holds."
    )


class BundledGenerator(Section):
    """A CoModGAN that comes with the project: data/models/outpainting/<name>.safetensors."""

    kind: Literal["bundled"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


PublishedGenerator = DriveGenerator | FileGenerator | BundledGenerator

GeneratorWeights = Annotated[PublishedGenerator | GeneratorTraining, Field(discriminator="kind")]


class ArtificiallyInspired(Section):
    """A CoModGAN: the one trained on WikiArt that won NTIRE 2022, track 1, or another."""

    kind: Literal["artificially_inspired"]
    weights: GeneratorWeights
    scale: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Size at which it paints, of the working size. Where the network is much"
        " smaller than a painting, it sees more of it at once at a smaller scale.",
    )
    enlarge: Literal["bicubic", "network"] = Field(
        "bicubic",
        description="How what was painted at a smaller scale comes to the working size. network: by"
        " the faithful ×4 network of super-resolution, psnr_weights, which is sharper.",
    )
    tile_margin: float = Field(
        0.0,
        ge=0,
        lt=0.25,
        description="Share of a tile's side that is left to the tile beside it, which sees more"
        " there; the published inference leaves nothing.",
    )
    truncation: float = Field(
        1.0, ge=0, le=1, description="How far a latent may be from their mean; 1: not drawn in."
    )
    dropout: bool = Field(
        False, description="Dropout of the global code, which the official code leaves working."
    )
    batch: int = Field(4, ge=1, description="Tiles painted at once, where none needs another.")
    precision: Precision = Field(
        "auto", description="Number format; auto: float16 on a GPU, float32 on a CPU."
    )


Outpainter = Annotated[
    Telea | PatchMatch | StableDiffusion | ArtificiallyInspired, Field(discriminator="kind")
]
