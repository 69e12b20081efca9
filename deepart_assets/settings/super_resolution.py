"""The settings of the super-resolution stages.

Belongs here: names, types, defaults, ranges, and what each setting means. Does not belong here:
code that acts on a setting.
"""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from deepart_assets.settings.section import Section


class RuledSR(Section):
    """WikiArt SR compiled by rule from the catalogue: large, sharp, distinct paintings."""

    kind: Literal["rules"] = "rules"
    minimal_side: int = Field(
        2048, ge=128, description="Smaller side without the borders of the scan, pixels."
    )
    minimal_resolution: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Least true resolution: where the spectrum ends, as a share of what the pixels"
        " could hold. A scan enlarged twice has 0.5 or less.",
    )
    maximal_blockiness: float = Field(
        1.5, ge=1, description="Steps at the borders of JPEG's 8×8 blocks over steps elsewhere."
    )
    maximal_blank: float = Field(
        0.5, ge=0, le=1, description="Share of the area that shows nothing."
    )
    near_duplicate: int = Field(
        6, ge=0, le=16, description="Bits of 64 in which perceptual hashes of one picture differ."
    )
    split: tuple[PositiveInt, PositiveInt, PositiveInt] = Field(
        (300, 25, 25),
        description="At most this many paintings to train, validate and test; also the shares in"
        " which artists are divided.",
    )
    split_seed: int = 0


class DriveSR(Section):
    """The seed's own WikiArt SR: a zip archive on Google Drive with train, valid and test."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    sha256: str | None = None


WikiArtSR = Annotated[RuledSR | DriveSR, Field(discriminator="kind")]


Degradation = Literal["bicubic", "area_jpeg"]


class Pairs(Section):
    """The LR/HR pairs."""

    hr_side: int = Field(2048, ge=64, description="Smaller side of HR in pixels; never enlarged.")
    degradation: Degradation = Field(
        "bicubic",
        description="How LR is made: MATLAB's bicubic reduction, as the field measures it, or the"
        " seed's area average saved as JPEG. HR is never compressed.",
    )


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


Precision = Literal["fp32", "bf16", "fp16"]


class Upscaling(Section):
    """Tiled inference."""

    tile: int = Field(
        192,
        ge=16,
        description="Side of a tile in LR pixels, without the overlap; memory grows with its"
        " square.",
    )
    overlap: int = Field(
        12,
        ge=0,
        description="Context around a tile in LR pixels. Largest difference to the untiled picture,"
        " of 255: trained 16/4, three paintings: 103 without overlap, 3 with 2, 1 with 3 to 10"
        " (one value in 70,000 with 8), 0 from 12; random 64/23: 194, then 1 from 4. A 64/23"
        " trained long may look further: the seed takes 32.",
    )
    batch: int = Field(
        1, ge=1, description="Tiles at once on a GPU; a CPU takes one after another."
    )
    precision: Precision = Field(
        "fp32",
        description="Number format of the network. bf16 and fp16 (GPU only) change single values by"
        " some grey levels: bf16 at most 3 of 255 for random 16/4, 6 for 64/23.",
    )


class SuperResolution(Section):
    """Everything about the ×4 network."""

    data_set: WikiArtSR = RuledSR()
    pairs: Pairs = Pairs()
    psnr_weights: PsnrWeights
    art_esrgan: AdversarialTraining = AdversarialTraining()
    upscaling: Upscaling = Upscaling()
