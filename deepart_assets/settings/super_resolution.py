"""The settings of the super-resolution assets; those of the trainings are in `training`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from deepart_assets.settings.evaluation import Evaluation
from deepart_assets.settings.section import Section, Share
from deepart_assets.settings.training import AdversarialTraining, PixelTraining, Training
from deepart_assets.settings.weights import PublishedWeights, Sha256Start

CROP_CONTEXT = 16
"""HR pixels by which a pair has to be larger than a training crop, whose LR has context on all
sides (`super_resolution.data.pairs`)."""


class RuledSR(Section):
    """WikiArt SR compiled by rule from the catalogue: large, sharp, distinct paintings."""

    kind: Literal["rules"] = "rules"
    minimal_side: int = Field(
        2048, ge=128, description="Smallest side without the borders of the scan, pixels."
    )
    minimal_resolution: Share = Field(
        0.6,
        description="Lowest effective resolution: where the spectrum ends, as a share of the pixel"
        " resolution. A scan enlarged by two has 0.5 or less.",
    )
    maximal_blockiness: float = Field(
        1.5,
        ge=1,
        description="Steps at the borders of 8×8 JPEG blocks relative to steps elsewhere.",
    )
    maximal_blank: Share = Field(0.5, description="Largest share of blank area.")
    near_duplicate: int = Field(
        6,
        ge=0,
        le=16,
        description="Perceptual hashes that differ in at most this many of 64 bits are duplicates.",
    )
    split: tuple[PositiveInt, PositiveInt, PositiveInt] = Field(
        (300, 25, 25),
        description="Largest numbers of paintings to train, validate and test; also the"
        " proportions in which the artists are split.",
    )
    split_seed: int = 0


class DriveSR(Section):
    """WikiArt SR of the original notebook: a zip on Google Drive with train, valid and test."""

    kind: Literal["drive"]
    file_id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    sha256: Sha256Start | None = Field(None, description="None: that of the first download.")


WikiArtSR = Annotated[RuledSR | DriveSR, Field(discriminator="kind")]


Degradation = Literal["bicubic", "area_jpeg"]


class Pairs(Section):
    """The LR/HR pairs."""

    hr_side: int = Field(2048, ge=64, description="Smaller side of HR in pixels; never enlarged.")
    degradation: Degradation = Field(
        "bicubic",
        description="How LR is made: MATLAB's bicubic reduction, the standard of the field, or"
        " area averaging and JPEG as in the original notebook. HR is never compressed.",
    )


PsnrWeights = Annotated[PixelTraining | PublishedWeights, Field(discriminator="kind")]
ArtEsrgan = Annotated[AdversarialTraining | PublishedWeights, Field(discriminator="kind")]


Precision = Literal["fp32", "bf16", "fp16"]


class Upscaling(Section):
    """Tiled inference."""

    performance_only: ClassVar[frozenset[str]] = frozenset({"batch"})

    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto",
        description="What executes the network. `openvino` runs on a CPU, 1.2 times as fast as"
        " torch in fp32, twice in bf16; single values differ by a grey level, from rounding."
        " A network of attention windows is three times as fast, after 10 s or so for each of few"
        " sizes. `auto` is OpenVINO on a CPU where it is installed (`deepart_assets[openvino]`) and"
        " can run the network, else torch.",
    )
    tile: int = Field(
        256,
        ge=16,
        description="Side of a tile in LR pixels, without the overlap. Larger tiles compute less"
        " overlap, smaller ones fit the cache: 32/6, a picture 500x384, one CPU thread: 6.4 s"
        " with 192, 5.6 s with 256, 6.0 s with 512. Memory grows with its square: with 384 at most"
        " 1.4 GB for 64 features on a CPU, with 512 2 GB.",
    )
    overlap: int = Field(
        12,
        ge=0,
        description="Context around a tile in LR pixels; at the picture's borders four. Largest"
        " difference to the untiled picture, of 255: trained 16/4, three paintings: 103 without"
        " overlap, 3 with 2, 1 with 3 to 10 (one value in 70,000 with 8), 0 from 12;"
        " random 64/23: 194, then 1 from 4. A 64/23 trained long may see further: the original"
        " notebook takes 32.",
    )
    batch: int = Field(1, ge=1, description="Tiles per batch on a GPU; a CPU takes one at a time.")
    precision: Precision = Field(
        "fp32",
        description="Number format of the network. bf16 and fp16 (GPU only) change single values by"
        " some grey levels: bf16 at most 3 of 255 for random 16/4, 6 for 64/23.",
    )
    maximal_blockiness: float | None = Field(
        1.2,
        ge=1,
        description="Steps at the borders of 8×8 JPEG blocks relative to steps elsewhere, above"
        " which a painting that the network enlarges is deblocked first; a JPEG of quality 25 to 90"
        " that was only decoded and cropped is recognised at any. Records and files tell. Medians"
        " of 25 paintings: 1.01 clean, 1.10 at quality 90, 1.28 at 75, 1.52 at 50. Null: never.",
    )


class SuperResolution(Section):
    """The settings of the ×4 network."""

    data_set: WikiArtSR = RuledSR()
    pairs: Pairs = Pairs()
    psnr_weights: PsnrWeights | None = Field(
        None,
        description="The base that art_esrgan is trained from and that outpainters with"
        " `enlarge: network` use. Left out: there is none.",
    )
    art_esrgan: ArtEsrgan = Field(
        default_factory=lambda: AdversarialTraining.model_validate({}),
        description="The network that enlarges: trained here, the default, or published weights of"
        " any ×4 architecture that spandrel knows. With those the profile has no data set and no"
        " training, unless psnr_weights is trained.",
    )
    upscaling: Upscaling = Upscaling()
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="before")
    @classmethod
    def _trained_by_default(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(given.get("art_esrgan"), Mapping):
            return {**given, "art_esrgan": {"kind": "train", **given["art_esrgan"]}}
        return given

    @model_validator(mode="after")
    def _has_a_base(self) -> "SuperResolution":
        if self.trains and self.psnr_weights is None:
            raise ValueError(
                "art_esrgan is trained from psnr_weights, which is missing: set it, or set"
                " art_esrgan to published weights"
            )
        return self

    @model_validator(mode="after")
    def _pairs_hold_a_crop(self) -> "SuperResolution":
        for name, each in (("psnr_weights", self.psnr_weights), ("art_esrgan", self.art_esrgan)):
            needed = each.datasets.train.gt_size + CROP_CONTEXT if isinstance(each, Training) else 0
            if self.pairs.hr_side < needed:
                raise ValueError(
                    f"pairs.hr_side is {self.pairs.hr_side}, and {name} is trained on crops of"
                    f" {needed - CROP_CONTEXT} pixels and {CROP_CONTEXT} of context: set"
                    f" pairs.hr_side to at least {needed}, or {name}.datasets.train.gt_size lower"
                )
        return self

    @property
    def trains(self) -> bool:
        """Whether `art_esrgan` is trained here, not published."""
        return isinstance(self.art_esrgan, AdversarialTraining)
