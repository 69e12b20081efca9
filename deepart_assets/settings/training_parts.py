"""The parts of a training: BasicSR's discriminators, losses, optimiser and schedules."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from deepart_assets.settings.section import PositiveShare, Section

Number = int | float
"""A number as it is written: in the records 1 and 1.0 are two."""


class Part(Section):
    """A network or loss of BasicSR: `type` is its name, the rest its arguments."""

    @model_serializer(mode="wrap")
    def _as_written(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is left to BasicSR's own defaults, and so to no record."""
        return {name: each for name, each in dump(self).items() if name in self.model_fields_set}


class L1Loss(Part):
    """The mean absolute error."""

    type: Literal["L1Loss"]
    loss_weight: Number = Field(1.0, ge=0)
    reduction: Literal["mean", "sum"] = "mean"


class MSELoss(Part):
    """The mean squared error."""

    type: Literal["MSELoss"]
    loss_weight: Number = Field(1.0, ge=0)
    reduction: Literal["mean", "sum"] = "mean"


class CharbonnierLoss(Part):
    """The mean of √(error² + eps), which is smooth at 0 (Charbonnier et al. 1994)."""

    type: Literal["CharbonnierLoss"]
    loss_weight: Number = Field(1.0, ge=0)
    reduction: Literal["mean", "sum"] = "mean"
    eps: Number = Field(1e-12, gt=0)


PixelLoss = Annotated[L1Loss | MSELoss | CharbonnierLoss, Field(discriminator="type")]


class GANLoss(Part):
    """The adversarial loss, in its relativistic average form (`training.models`)."""

    type: Literal["GANLoss"]
    gan_type: Literal["vanilla", "lsgan", "wgan", "wgan_softplus"] = Field(
        description="vanilla: binary cross-entropy. BasicSR's hinge has no gradient for the"
        " generator in this form."
    )
    real_label_val: Number = 1.0
    fake_label_val: Number = 0.0
    loss_weight: Number = Field(1.0, ge=0, description="Of the generator's loss alone.")


class VGGStyleDiscriminator(Part):
    """A discriminator that judges the crop as a whole (ESRGAN)."""

    type: Literal["VGGStyleDiscriminator"]
    num_in_ch: Literal[3]
    num_feat: int = Field(ge=1)
    input_size: Literal[128, 256] = Field(128, description="The side of its crops, gt_size.")


class UNetDiscriminatorSN(Part):
    """A discriminator that judges every pixel (Real-ESRGAN)."""

    type: Literal["UNetDiscriminatorSN"]
    num_in_ch: Literal[3]
    num_feat: int = Field(64, ge=1)
    skip_connection: bool = True


Discriminator = Annotated[VGGStyleDiscriminator | UNetDiscriminatorSN, Field(discriminator="type")]


Beta = Annotated[float, Field(ge=0, lt=1)]
"""How much of a moving average each step of Adam keeps."""


class Optimiser(Section):
    """Adam."""

    type: Literal["Adam"]
    lr: float = Field(gt=0)
    weight_decay: float = Field(0.0, ge=0)
    betas: tuple[Beta, Beta]


class MultiStep(Section):
    """The learning rate is multiplied by `gamma` after each of `milestones` iterations."""

    type: Literal["MultiStepLR", "MultiStepRestartLR"]
    milestones: tuple[int, ...]
    gamma: PositiveShare


class Cosine(Section):
    """The learning rate falls along a cosine to `eta_min` over each of `periods` iterations."""

    type: Literal["CosineAnnealingRestartLR"]
    periods: tuple[int, ...]
    restart_weights: tuple[float, ...]
    eta_min: float = Field(ge=0)

    @model_validator(mode="after")
    def _each_period_has_a_weight(self) -> "Cosine":
        count = len(self.periods)
        if len(self.restart_weights) != count:
            raise ValueError(
                f"restart_weights has {len(self.restart_weights)} values for {count} periods: give"
                f" each period one, such as restart_weights: {[1] * count}"
            )
        return self


Schedule = Annotated[MultiStep | Cosine, Field(discriminator="type")]
