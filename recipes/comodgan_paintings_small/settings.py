"""The settings of the training of a CoModGAN."""

from typing import Literal

from pydantic import Field, model_validator

from deepart_assets.settings.section import Section

Augmentation = Literal["colour", "translation", "cutout"]
DiscriminatorKind = Literal["comodgan", "projected"]


class GrowthStage(Section):
    """A stage of a training, at one resolution."""

    resolution: int = Field(ge=16, le=1024, description="A power of two.")
    iterations: int = Field(ge=1)
    batch: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_power_of_two(self) -> "GrowthStage":
        if self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution must be a power of two, not {self.resolution}")
        return self


class GeneratorTraining(Section):
    """A CoModGAN trained from scratch.

    The defaults follow Zhao et al. 2021 and their code, except for sizes and length; settings that
    they do not have say so.
    """

    kind: Literal["train"]
    stages: tuple[GrowthStage, ...] = Field(
        min_length=1,
        description="In order of increasing resolution; each stage continues from the previous"
        " one. The paper has one stage.",
    )
    channel_base: int = Field(32768, ge=64, description="Channels times side of a feature map.")
    channel_most: int = Field(512, ge=4, description="The largest number of channels.")
    latent: int = Field(512, ge=4)
    code: int = Field(1024, ge=4, description="Length of the encoder's global code.")
    learning_rate: float = Field(0.002, gt=0)
    discriminator: DiscriminatorKind = Field(
        "comodgan",
        description="comodgan: the paper's. projected: heads on the features of EfficientNet-Lite0"
        " with the hinge loss and without gradient penalty (Projected GANs, Sauer et al. 2021), for"
        " few pictures and little time.",
    )
    r1_gamma: float = Field(
        10.0,
        ge=0,
        description="Weight of the gradient penalty on real paintings; ignored with the"
        " discriminator `projected`.",
    )
    r1_every: int = Field(16, ge=1, description="Iterations between two penalties.")
    l1_weight: float = Field(
        0.0, ge=0, description="Weight of the mean absolute difference to the painting in the hole."
    )
    perceptual_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the difference to the painting in features of EfficientNet-Lite0;"
        " the paper has none.",
    )
    style_mixing: float = Field(0.5, ge=0, le=1, description="Probability of mixing two latents.")
    ema_pictures: float = Field(
        10_000, gt=0, description="Half-life of the average of the weights, in pictures."
    )
    ema_rampup: float = Field(
        0.05,
        ge=0,
        description="The half-life is at most this share of the pictures seen so far; 0: no limit,"
        " as in the paper. From StyleGAN2-ADA, for short trainings.",
    )
    augmentation: tuple[Augmentation, ...] = Field(
        ("colour", "translation", "cutout"),
        description="Augmentations of the discriminator's input (DiffAugment, Zhao et al. 2020),"
        " for few pictures; the paper has none.",
    )
    mirror: bool = True
    smallest_crop: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Smallest side of a random square crop, as a share of the painting's smaller"
        " side.",
    )
    hole: tuple[float, float] = Field(
        (0.0, 1.0), description="Bounds of the area of free-form holes, as shares of the picture."
    )
    brush: tuple[int, int] = Field(
        (12, 48),
        description="Width of the masks' brush in pixels of the last stage's resolution.",
    )
    subject_masks: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Probability that the hole is the surround of the subject, for paintings with a"
        " mask. The paper has free-form masks only.",
    )
    seed: int = Field(0, ge=0)
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="bf16: the networks compute in bfloat16 (autocast), weights and optimisers stay"
        " float32. For GPUs, and CPUs that have instructions for it (avx512_bf16, amx_bf16).",
    )
    half: bool = Field(True, description="Store the result in float16.")
    checkpoint_seconds: float | None = Field(
        120, ge=0, description="Seconds between two checkpoints; null: none."
    )

    @model_validator(mode="after")
    def _stages_grow(self) -> "GeneratorTraining":
        sides = [stage.resolution for stage in self.stages]
        if sides != sorted(set(sides)):
            raise ValueError(f"the stages' resolutions must rise, and are {sides}")
        if (self.discriminator == "projected" or self.perceptual_weight) and sides[0] < 32:
            raise ValueError("features of EfficientNet-Lite0 need a resolution of at least 32")
        low, high = self.hole
        if not 0 <= low < high <= 1:
            raise ValueError(f"hole must be two shares from 0 to 1, the smaller first, not {low}")
        if not 1 <= self.brush[0] <= self.brush[1]:
            raise ValueError(f"brush must be two widths from 1, the smaller first: {self.brush}")
        return self

    @property
    def iterations(self) -> int:
        """The iterations of all stages."""
        return sum(stage.iterations for stage in self.stages)

    def recipe(self) -> dict[str, object]:
        """Return all settings that the weights depend on, as JSON values."""
        return self.model_dump(mode="json", exclude={"checkpoint_seconds"})
