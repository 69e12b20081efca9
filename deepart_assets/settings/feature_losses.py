"""The losses on the features of a network, in BasicSR's format, as `training` uses them."""

from typing import Annotated, Literal

from pydantic import Field

from deepart_assets.settings.section import NonEmpty, Section

VggLayer = Annotated[str, Field(pattern=r"^((conv|relu)([12]_[12]|[345]_[1-4])|pool[1-5])$")]
"""A layer of VGG19, as BasicSR names it."""


class EfficientNetLoss(Section):
    """A perceptual loss on EfficientNet-Lite0, which comes with a Python package."""

    type: Literal["EfficientNetLoss"]
    perceptual_weight: float = Field(ge=0)


class VggLoss(Section):
    """BasicSR's PerceptualLoss, on VGG19's features."""

    type: Literal["PerceptualLoss"]
    layer_weights: dict[VggLayer, float] = Field(
        min_length=1, description="conv5_4: before its ReLU."
    )
    vgg_type: Literal["vgg19"]
    use_input_norm: bool
    range_norm: bool
    perceptual_weight: float = Field(ge=0)
    style_weight: float = Field(ge=0)
    criterion: Literal["l1"]
    weights: NonEmpty = Field(
        description="torchvision's VGG19: an address, or a path relative to the project."
    )
    sha256: str = Field(
        pattern=r"^[0-9a-f]{8,64}$",
        description="First digits of the file's SHA-256; torchvision puts eight into the name.",
    )
    fallback: EfficientNetLoss | None = Field(
        description="The loss to use if the VGG19 weights are unavailable; recorded. Null: fail.",
    )


FeatureLoss = Annotated[VggLoss | EfficientNetLoss, Field(discriminator="type")]
