"""The settings of segmentation: what becomes of a prediction, supports, and the evaluation."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from deepart_assets.settings.section import Name, NonEmpty, Section, Share, other_than
from deepart_assets.settings.segmenters import Saliency, Segmenter

PeerName = Annotated[Name, other_than("subject_masks")]


class MasksEvaluation(Section):
    """The settings of `subject_masks_evaluation`."""

    peers: dict[PeerName, Segmenter] = Field(
        {},
        description="Segmenters to compare with, under any names. The report lists the unavailable"
        " ones with the reason.",
    )
    paintings: int = Field(
        24,
        ge=1,
        description="Maximum number of paintings: those with ground truth first, then those with a"
        " curator's mask, then by a hash of their ids, so that a new painting changes little.",
    )
    ground_truth: NonEmpty | None = Field(
        None,
        description="Folder of <painting id>.png, relative to the project: white = subject; or a"
        " palette PNG of class ids, 0 = background, 255 = ignored.",
    )
    shown: int = Field(8, ge=0, description="Number of paintings in the picture of disagreements.")


class Supports(Section):
    """What a painting is photographed with: a margin, a wall, a frame, an oval, an arch."""

    detect: bool = Field(
        True,
        description="Whether a support is looked for. What is found is left out of the painting"
        " that is segmented and outpainted; a curator's mask that keeps part of it overrules it.",
    )
    in_result: Literal["put_back", "crop"] = Field(
        "put_back",
        description="put_back: the upscaled result shows the original support around the generated"
        " picture; crop: it ends with the painting, and the corners of an oval or an arch are"
        " generated.",
    )


class Segmentation(Section):
    """The subject masks: the segmenter, and how its prediction becomes a mask."""

    performance_only: ClassVar[frozenset[str]] = frozenset({"batch"})

    segmenter: Segmenter = Saliency()
    smallest_part: Share = Field(
        0.005, description="Islands and holes smaller than this share of the area are removed."
    )
    minimal_share: Share = Field(
        0.01, description="Minimum share of the subject; below, the painting is skipped."
    )
    maximal_share: Share = Field(
        0.95,
        description="Share of the subject above which little is left to generate: doubtful, or"
        " skipped if the segmenter is not confident.",
    )
    confident_share: Share = Field(
        0.05, description="Share of the subject below which it is doubtful."
    )
    filling_share: Share = Field(
        0.3,
        description="Share from which a subject in one part fills the picture: with a confidence"
        " of at least 0.8 `minimal_confidence` it is doubtful instead of skipped.",
    )
    scattered_parts: int = Field(
        4,
        ge=2,
        description="Number of parts from which a subject is scattered if none has half of it:"
        " doubtful, or skipped if the segmenter is not confident.",
    )
    faces: bool = Field(
        True,
        description="Whether faces are looked for, with any segmenter: a mask that leaves out one"
        " of some size is doubtful.",
    )
    doubtful: Literal["restore", "hold"] = Field(
        "restore",
        description="What becomes of a painting with a doubtful mask. hold: it is skipped until a"
        " curator draws a mask or strokes.",
    )
    erosion: float = Field(
        0,
        ge=0,
        le=8,
        description="Width of the edge that the subject loses, so that it keeps no background, in"
        " pixels of a copy whose smaller side is 512.",
    )
    batch: int = Field(4, ge=1, description="Paintings that are read and segmented together.")
    check_polarity: bool = Field(
        True,
        description="Whether a curator's mask is refused if its inverse matches the prediction, or"
        " itself turned or mirrored.",
    )
    support: Supports = Supports()
    evaluation: MasksEvaluation = MasksEvaluation()
