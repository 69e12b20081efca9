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


class Training(Section):
    """What both trainings have in common."""

    iterations: int = Field(ge=1)
    batch: int = Field(8, ge=1)
    crop: int = Field(ge=32, description="Side of an HR crop, pixels.")
    learning_rate: float = Field(gt=0)
    seed: int = 0
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="bf16: the networks compute in bfloat16 (autocast), weights, losses and"
        " optimisers stay float32. For GPUs with tensor cores; the seed's mixed precision.",
    )
    checkpoint_seconds: float | None = Field(
        120,
        ge=0,
        description="Seconds between two checkpoints, so what a killed run loses at most; one of"
        " 64/23 is 0.5 GB and takes about 3. None: no checkpoints. No part of the result.",
    )


NOT_IN_RESULT = {"checkpoint_seconds"}
"""Settings of a training that its weights do not depend on, and a recipe leaves out."""


class PixelTraining(Training):
    """The stage with the pixel loss alone, which gives the "4x PSNR" weights."""

    kind: Literal["train"] = "train"
    network: Network = Network()
    iterations: int = Field(1000, ge=1)
    crop: int = Field(96, ge=32, multiple_of=4, description="Side of an HR crop, pixels.")
    learning_rate: float = Field(1e-3, gt=0)


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class DriveWeights(Section):
    """Published weights on Google Drive, by file id."""

    kind: Literal["drive"]
    file_id: str
    sha256: Sha256 | None = None


class FileWeights(Section):
    """A file of weights in any naming of RRDBNet's tensors, PyTorch's or safetensors."""

    kind: Literal["file"]
    path: str = Field(
        min_length=1, description="A path, relative to the project, or an fsspec URL."
    )
    sha256: Sha256 | None = Field(None, description="Left out: whatever the file holds.")


RegistryName = Literal["realsr_df2k", "realesrgan_x4plus"]


class RegistryWeights(Section):
    """An RRDBNet 64/23 out of a Python package (`deepart_assets[registry]`).

    Both were trained adversarially; RealSR DF2K stays closer to the picture.
    """

    kind: Literal["registry"]
    name: RegistryName = "realsr_df2k"


class BundledWeights(Section):
    """Weights that come with the project: data/models/<name>.safetensors."""

    kind: Literal["bundled"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


PublishedWeights = DriveWeights | FileWeights | RegistryWeights | BundledWeights

PsnrWeights = Annotated[PixelTraining | PublishedWeights, Field(discriminator="kind")]


class AdversarialTraining(Training):
    """The ESRGAN stage: pixel, feature and relativistic adversarial loss (esrgan paper, eq. 3).

    The defaults are the seed's (traiNNer's ESRGAN recipe, batch 8, 5,000 iterations) but for two
    settings, which choose among the weights that the recipe passes through and do not change it:
    `moving_average` and `choose_best`. Switched off, the result is the last iteration's weights, as
    in the seed.
    """

    iterations: int = Field(5000, ge=1)
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
    block_noise: float = Field(
        0.1,
        ge=0,
        description="ESRGAN+'s noise while training: what leaves a dense block, x, becomes x +"
        " block_noise·x·N(0, 1). traiNNer's default, so the seed's; 0 is the ESRGAN of the paper.",
    )
    betas: tuple[float, float] = Field((0.9, 0.999), description="Of both Adam optimisers.")
    milestones: tuple[float, ...] = Field(
        (0.1, 0.2, 0.4, 0.6),
        description="Where both learning rates fall, as shares of the iterations.",
    )
    gamma: float = Field(0.5, gt=0, le=1, description="What they fall to at each milestone.")
    clip_norm: float = Field(0.1, gt=0, description="L2 limit of the generator's gradient.")
    moving_average: bool = Field(
        True,
        description="Take the exponential moving average of the generator's weights (basicsr's"
        " ema_decay; the seed has none): one iteration's weights swing with the discriminator.",
    )
    validations: int = Field(
        20, ge=1, description="How often it is validated, at even distances: checkpoints to choose."
    )
    choose_best: bool = Field(
        True,
        description="Take, of the validated checkpoints that keep to fidelity_floor, the one with"
        " the lowest NIQE, not the last as the seed: adversarial training gets no steadily better.",
    )
    fidelity_floor: float = Field(
        3.0,
        ge=0,
        description="Validation PSNR-Y of the best checkpoint may be this far below the base's, dB."
        " Published ESRGAN is 2.4 to 2.7 dB below its own base; NIQE alone would pay for noise.",
    )
    collapse_drop: float = Field(
        6.0,
        gt=0,
        description="Stop when validation PSNR-Y is this far below the base's, dB: more than twice"
        " what the published network gave up.",
    )
    collapse_loss: float = Field(
        1e-4,
        ge=0,
        description="Stop when the discriminator's loss stays below this for a tenth of the"
        " iterations: it tells all pictures apart and teaches nothing (undecided: 0.69). 0: never.",
    )

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
        256,
        ge=16,
        description="Side of a tile in LR pixels, without the overlap. Larger ones compute less"
        " overlap, smaller ones stay in the cache: 32/6, a picture 500x384, one CPU thread: 6.4 s"
        " with 192, 5.6 s with 256, 6.0 s with 512. Memory grows with its square: with 384 at most"
        " 1.4 GB for 64 features on a CPU, with 512 2 GB.",
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
