"""What a profile may say: one model a stage, in the order of the pipeline.

Belongs here: names, types, defaults, ranges, and what each setting means. Does not belong here:
code that acts on a setting.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- wikiart -------------------------------------------------------------------------------------


class FolderSource(Section):
    """A folder or fsspec URL of pictures, with a CSV in Kaggle's columns where there is one."""

    kind: Literal["folder"] = "folder"
    path: str
    csv: str | None = Field(None, description="Name of the CSV inside the folder.")


ArchiveName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][^/\\]*\.zip$")]


class KaggleSource(Section):
    """A Kaggle competition's archives; credentials come from Kaggle's usual places."""

    kind: Literal["kaggle"]
    competition: str = Field("painter-by-numbers", pattern=r"^[a-z0-9-]+$")
    archives: tuple[ArchiveName, ...] = Field(("train.zip", "test.zip"), min_length=1)
    csv: str = Field("all_data_info.csv", pattern=r"^[^/\\]+$")


class DriveSource(Section):
    """A zip archive on Google Drive, by file id."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    csv: str | None = Field(None, description="Name of the CSV, anywhere inside the archive.")


Source = Annotated[FolderSource | KaggleSource | DriveSource, Field(discriminator="kind")]


class WikiArt(Section):
    """Where the paintings come from."""

    source: Source


class StyledPaintings(Section):
    """Which paintings are restored. Names are compared without case and surrounding space."""

    styles: tuple[str, ...] = Field((), description="Empty: all styles.")
    limit: int | None = Field(None, ge=1, description="At most this many, in the order of ids.")


# --- super resolution ----------------------------------------------------------------------------


class WikiArtSR(Section):
    """The data set for super-resolution: paintings large enough, split by artist."""

    minimal_side: int = Field(2048, ge=64, description="Smaller side of the painting, pixels.")
    split: tuple[float, float, float] = Field(
        (300 / 350, 25 / 350, 25 / 350), description="Shares of train, valid and test."
    )
    split_seed: int = 0


class Pairs(Section):
    """The LR/HR pairs."""

    hr_side: int = Field(2048, ge=64, description="Smaller side of HR in pixels; never enlarged.")


class Network(Section):
    """The RRDBNet: the paper's is 64 features, 23 blocks, growth 32."""

    features: int = Field(64, ge=4)
    blocks: int = Field(23, ge=1)
    growth: int = Field(32, ge=2)


class PixelTraining(Section):
    """The stage with the pixel loss alone, which gives the "4x PSNR" weights."""

    kind: Literal["train"] = "train"
    network: Network = Network()
    iterations: int = Field(1000, ge=1)
    batch: int = Field(8, ge=1)
    crop: int = Field(96, ge=32, multiple_of=4, description="Side of an HR crop, pixels.")
    learning_rate: float = Field(1e-3, gt=0)
    seed: int = 0


class DriveWeights(Section):
    """Published weights on Google Drive, by file id."""

    kind: Literal["drive"]
    file_id: str
    sha256: str | None = None


PsnrWeights = Annotated[PixelTraining | DriveWeights, Field(discriminator="kind")]


class AdversarialTraining(Section):
    """The ESRGAN stage: pixel, feature and relativistic adversarial loss (esrgan paper, eq. 3)."""

    iterations: int = Field(5000, ge=1)
    batch: int = Field(8, ge=1)
    crop: int = Field(128, ge=32, multiple_of=8, description="Side of an HR crop, pixels.")
    learning_rate: float = Field(1e-4, gt=0)
    pixel_weight: float = 1e-2
    feature_weight: float = 1.0
    adversarial_weight: float = 5e-3
    feature_network: Literal["vgg19", "efficientnet_lite0"] = "vgg19"
    discriminator: Literal["vgg128", "unet"] = Field(
        "vgg128",
        description="vgg128 judges whole crops of 128 pixels (ESRGAN), unet each pixel of a crop of"
        " any size (Real-ESRGAN).",
    )
    discriminator_features: int = Field(64, ge=4)
    discriminator_learning_rate: float | None = Field(
        None, gt=0, description="None: the generator's. A short training needs a quicker one."
    )
    clip_norm: float = Field(0.1, gt=0, description="L2 limit of the generator's gradient.")
    seed: int = 0

    @model_validator(mode="after")
    def _crop_suits_discriminator(self) -> "AdversarialTraining":
        if self.discriminator == "vgg128" and self.crop != 128:
            raise ValueError(
                f"the discriminator vgg128 judges crops of 128 pixels, not {self.crop}: set crop:"
                " 128 or discriminator: unet"
            )
        return self


class Upscaling(Section):
    """Tiled inference."""

    tile: int = Field(128, ge=16, description="Side of a tile in LR pixels, without the overlap.")
    overlap: int = Field(16, ge=0, description="Context around a tile in LR pixels.")


class SuperResolution(Section):
    """Everything about the ×4 network."""

    data_set: WikiArtSR = WikiArtSR()
    pairs: Pairs = Pairs()
    psnr_weights: PsnrWeights
    art_esrgan: AdversarialTraining = AdversarialTraining()
    upscaling: Upscaling = Upscaling()


# --- restoration ---------------------------------------------------------------------------------


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


class Dram(Section):
    """The seed's network: DeepLabV2 ResNet-101 trained on the DRAM data set."""

    kind: Literal["dram"]
    archive_id: str = Field(description="Google Drive id of the published archive.")
    movement: Literal["realism", "impressionism", "post_impressionism", "expressionism"] = "realism"


Segmenter = Annotated[Saliency | Dram, Field(discriminator="kind")]


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


class ArtificiallyInspired(Section):
    """The CoModGAN trained on WikiArt that won NTIRE 2022, track 1."""

    kind: Literal["artificially_inspired"]
    archive_id: str = Field(description="Google Drive id of the published archive.")


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


# --- execution -----------------------------------------------------------------------------------


class LocalExecution(Section):
    """Steps in processes of this machine."""

    kind: Literal["local"] = "local"
    processes: int = Field(1, ge=1, description="Steps at a time.")


class RayExecution(Section):
    """Steps on a Ray cluster."""

    kind: Literal["ray"]
    address: str = "auto"


class KubernetesExecution(Section):
    """Steps as Kubernetes jobs."""

    kind: Literal["kubernetes"]
    namespace: str = "deepart"
    image: str = "deepart-assets:latest"


Execution = Annotated[
    LocalExecution | RayExecution | KubernetesExecution, Field(discriminator="kind")
]


class Settings(Section):
    """A whole profile."""

    profile: str
    wikiart: WikiArt
    styled_paintings: StyledPaintings = StyledPaintings()
    super_resolution: SuperResolution
    segmentation: Segmentation = Segmentation()
    restoration: Restoration = Restoration()
    outpainters: dict[OutpainterName, Outpainter] = Field(min_length=1)
    execution: Execution = LocalExecution()
