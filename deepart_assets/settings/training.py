"""The options of the two trainings, in BasicSR's format.

Names and nesting are BasicSR's (https://github.com/XPixelGroup/BasicSR, options/train/ESRGAN);
options of our own are described here. The values are in `configs/SR/*.yml`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from deepart_assets.settings.feature_losses import FeatureLoss
from deepart_assets.settings.section import Section, Share, deep_merge
from deepart_assets.settings.training_options import read_options
from deepart_assets.settings.training_parts import (
    Cosine,
    Discriminator,
    GANLoss,
    Optimiser,
    PixelLoss,
    Schedule,
    VGGStyleDiscriminator,
)


class Degradations(Section):
    """What LR crops suffer at random beyond the reduction: blur, then JPEG compression.

    Names as in BasicSR's Real-ESRGAN options; a single order of them, without noise and resizing.
    """

    blur_prob: Share = Field(0.2, description="Share of the crops that are blurred.")
    blur_sigma: tuple[float, float] = Field(
        (0.2, 0.8), description="Range of the Gaussian's standard deviation, LR pixels."
    )
    jpeg_prob: Share = Field(0.6, description="Share of the crops that are compressed.")
    jpeg_range: tuple[int, int] = Field(
        (30, 95), description="Range of JPEG's quality, as libjpeg counts it."
    )

    @model_validator(mode="after")
    def _ranges_are_in_order(self) -> "Degradations":
        if not 0 < self.blur_sigma[0] <= self.blur_sigma[1]:
            raise ValueError(f"blur_sigma: {list(self.blur_sigma)} is no range above 0")
        if not 1 <= self.jpeg_range[0] <= self.jpeg_range[1] <= 100:
            raise ValueError(f"jpeg_range: {list(self.jpeg_range)} is no range within 1 to 100")
        return self


class Crops(Section):
    """The training batches: random crops of the pairs that the asset `lr_hr_pairs` made."""

    name: str
    type: Literal["lr_hr_pairs"]
    gt_size: int = Field(ge=32, multiple_of=4, description="Side of an HR crop, pixels.")
    use_hflip: bool = Field(description="Mirror at random.")
    use_rot: bool = Field(description="Rotate by 0, 90, 180 or 270 degrees at random.")
    batch_size_per_gpu: int = Field(ge=1)
    degradations: Degradations | None = Field(
        None,
        description="Random blur and JPEG of the LR crops, for a network that mends them; `{}`"
        " takes the defaults. Null: LR as `lr_hr_pairs` made it. Not in BasicSR's paired data set.",
    )


class Datasets(Section):
    """The training data; validation uses the split "valid" of the same pairs."""

    train: Crops


class Generator(Section):
    """The RRDBNet ×4 (ESRGAN, figure 4)."""

    type: Literal["RRDBNet"] = "RRDBNet"
    num_in_ch: Literal[3] = 3
    num_out_ch: Literal[3] = 3
    num_feat: int = Field(64, ge=4)
    num_block: int = Field(23, ge=1)
    num_grow_ch: int = Field(32, ge=2)
    block_noise: float = Field(
        0.0,
        ge=0,
        description="ESRGAN+'s noise while training: what leaves a dense block, x, becomes x +"
        " block_noise·x·N(0, 1). Not in BasicSR. 0: the ESRGAN of the paper.",
    )


class Train(Section):
    """The iterations: number, optimiser, schedule and losses."""

    total_iter: int = Field(ge=1)
    warmup_iter: int = Field(
        description="Iterations of linear warm-up of the learning rates; -1: none."
    )
    ema_decay: float = Field(
        ge=0, lt=1, description="Exponential moving average of the generator's weights; 0: none."
    )
    optim_g: Optimiser
    scheduler: Schedule
    pixel_opt: PixelLoss

    @model_validator(mode="after")
    def _periods_reach_the_end(self) -> "Train":
        scheduler = self.scheduler
        if isinstance(scheduler, Cosine) and sum(scheduler.periods) < self.total_iter:
            raise ValueError(
                f"scheduler.periods end after {sum(scheduler.periods)} of {self.total_iter}"
                f" iterations: set periods: [{self.total_iter}]"
            )
        return self


class AdversarialTrain(Train):
    """The iterations of the adversarial training."""

    optim_d: Optimiser
    perceptual_opt: FeatureLoss
    gan_opt: GANLoss
    net_d_iters: int = Field(ge=1, description="Discriminator updates per generator update.")
    net_d_init_iters: int = Field(
        ge=0, description="Initial iterations that train the discriminator alone."
    )
    clip_grad_norm: float | None = Field(
        gt=0,
        description="Maximum L2 norm of the generator's gradient; null: none. Not in BasicSR.",
    )

    @model_validator(mode="after")
    def _trains_the_generator(self) -> "AdversarialTrain":
        first = (self.net_d_init_iters // self.net_d_iters + 1) * self.net_d_iters
        if self.total_iter < first:
            raise ValueError(
                f"the generator would first be trained in iteration {first} (net_d_init_iters:"
                f" {self.net_d_init_iters}, net_d_iters: {self.net_d_iters}), and total_iter is"
                f" {self.total_iter}: set total_iter to at least {first}, or lower the other two"
            )
        return self


class Val(Section):
    """Validation, with PSNR on Y."""

    val_freq: int = Field(ge=1, description="Iterations between two validations.")


class AdversarialVal(Val):
    """Validation with PSNR and NIQE. Not in BasicSR except for `val_freq`."""

    choose_best: bool = Field(
        description="Use the validated checkpoint with the lowest NIQE among those that keep to"
        " fidelity_floor; off: the last."
    )
    fidelity_floor: float = Field(
        ge=0,
        description="How far the best checkpoint's validation PSNR-Y may be below the base's, dB.",
    )
    collapse_drop: float = Field(
        gt=0, description="Stop when validation PSNR-Y is this far below the base's, dB."
    )
    collapse_loss: float = Field(
        ge=0,
        description="Stop when the discriminator's loss stays below this for a tenth of the"
        " iterations (undecided: 0.69). 0: never.",
    )


class Logger(Section):
    """Checkpoints of a training in progress; not part of the provenance."""

    checkpoint_seconds: float | None = Field(
        ge=0,
        description="Seconds between two checkpoints, which is the most an interrupted run"
        " loses; a 64/23 checkpoint is 0.5 GB and takes about 3 s. Null: no checkpoints. BasicSR"
        " counts iterations instead.",
    )


class Training(Section):
    """The options of both trainings. Defaults come from the file in `options`."""

    options: str = Field(
        description="A file of BasicSR's options, relative to the project. Other keys given here"
        " override it (deep merge); a section with another `type` replaces the file's."
    )
    name: str
    scale: Literal[4]
    num_gpu: int | Literal["auto"] = Field(
        description="Number of GPUs, one process each; auto: all GPUs, 0: the CPU."
    )
    manual_seed: int
    datasets: Datasets
    network_g: Generator
    logger: Logger
    precision: Literal["fp32", "bf16"] = Field(
        description="bf16: the networks compute in bfloat16 (autocast), while weights, losses and"
        " optimisers stay float32; for GPUs with tensor cores. Not in BasicSR."
    )
    channels_last: bool = Field(
        description="Use channels-last memory: faster, same results. Not in BasicSR."
    )
    compile: bool = Field(
        description="Compile the networks with torch.compile. Needs a compiler and a minute at"
        " the start. Not in BasicSR."
    )

    @model_validator(mode="before")
    @classmethod
    def _over_the_file(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        path = given.get("options", cls.model_fields["options"].default)
        return deep_merge({"options": path, **read_options(str(path))}, given)

    def provenance_settings(self) -> dict[str, Any]:
        """Return the settings that the weights depend on, as plain values."""
        settings = self.model_dump(mode="json", exclude={"options", "name", "logger"})
        if self.datasets.train.degradations is None:  # as before there was this option
            del settings["datasets"]["train"]["degradations"]
        return settings


class PixelTraining(Training):
    """The training with the pixel loss alone, which gives the "4x PSNR" weights."""

    kind: Literal["train"] = "train"
    options: str = "configs/SR/psnr.yml"
    model_type: Literal["ArtSRModel"]
    train: Train
    val: Val

    @model_validator(mode="after")
    def _has_no_noise(self) -> "PixelTraining":
        if self.network_g.block_noise:
            raise ValueError(
                "network_g.block_noise has no effect on psnr_weights: leave it out here, and set it"
                " in art_esrgan, whose training adds it"
            )
        return self


class Origin(Section):
    """The weights a training starts from."""

    pretrain_network_g: Literal["psnr_weights"] = Field(description="The asset of the base.")


class AdversarialTraining(Training):
    """The ESRGAN training: pixel, perceptual and relativistic loss (Wang et al. 2018, eq. 3).

    The defaults, `configs/SR/art_esrgan.yml`, are those of the original notebook; the file explains
    each departure.
    """

    kind: Literal["train"] = "train"
    options: str = "configs/SR/art_esrgan.yml"
    model_type: Literal["ArtESRGANModel"]
    network_d: Discriminator
    path: Origin
    train: AdversarialTrain
    val: AdversarialVal

    def provenance_settings(self) -> dict[str, Any]:
        """Return the settings that the weights depend on; that they are trained is in no record."""
        settings = super().provenance_settings()
        del settings["kind"]
        return settings

    @model_validator(mode="after")
    def _crop_suits_discriminator(self) -> "AdversarialTraining":
        crop, judge = self.datasets.train.gt_size, self.network_d
        if not isinstance(judge, VGGStyleDiscriminator):
            if crop % 8:
                raise ValueError(f"datasets.train.gt_size must be a multiple of 8, not {crop}")
        elif crop != judge.input_size:
            raise ValueError(
                f"the discriminator VGGStyleDiscriminator takes crops of {judge.input_size} pixels,"
                f" not {crop}: set datasets.train.gt_size: {judge.input_size} or network_d.type:"
                " UNetDiscriminatorSN"
            )
        return self
