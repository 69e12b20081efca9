"""The settings of the outpainters; those of diffusers are in `diffusion`."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from deepart_assets.settings.diffusion import Diffusers, Precision
from deepart_assets.settings.section import PositiveShare, Section, Share
from deepart_assets.settings.stable_diffusion import StableDiffusion
from deepart_assets.settings.weights import GeneratorWeights, InpaintingWeights


class Telea(Section):
    """Fast marching inpainting (Telea 2004) of OpenCV, at a reduced size: smooth colour fields."""

    kind: Literal["telea"]
    scale: PositiveShare = 0.25
    radius: int = Field(12, ge=1, description="Neighbourhood in pixels of the reduced size.")


class PatchMatch(Section):
    """PatchMatch inpainting (Barnes et al. 2009) of PyPatchMatch, at a reduced size."""

    kind: Literal["patchmatch"]
    scale: PositiveShare = 0.5
    patch: int = Field(5, ge=3, description="Radius of a patch in pixels: 5 for 11×11.")
    sources: Literal["plain", "subject"] = Field(
        "plain",
        description="What is copied: the subject's plain parts, such as cloth, or all of it, heads"
        " and hands too.",
    )


class Inpainting(Section):
    """A network made to fill holes, LaMa or MI-GAN: a learned baseline that a CPU can run.

    The file says which one it is.
    """

    kind: Literal["inpainting"]
    weights: InpaintingWeights
    scale: PositiveShare = Field(
        1.0,
        description="Size at which it paints, as a share of the working size. LaMa sees more of the"
        " painting at a smaller one, and its lines reach farther.",
    )


class ArtificiallyInspired(Section):
    """A CoModGAN: the one trained on WikiArt that won NTIRE 2022, track 1, or another."""

    performance_only: ClassVar[frozenset[str]] = frozenset({"batch"})

    kind: Literal["artificially_inspired"]
    weights: GeneratorWeights
    scale: PositiveShare = Field(
        1.0,
        description="Size at which it paints, as a share of the working size. A network much"
        " smaller than the painting sees more of it at a smaller scale.",
    )
    enlarge: Literal["bicubic", "network"] = Field(
        "bicubic",
        description="How a result painted at a smaller scale is enlarged to the working size."
        " network: by the ×4 network psnr_weights, which is sharper.",
    )
    tiles: Literal["refined", "published"] = Field(
        "refined",
        description="refined: the network paints the whole picture at its own size, and tiles add"
        " detail to it where it is smaller than the picture. published: tiles from the subject"
        " outwards, each beside the last, as in the published inference; their borders show.",
    )
    tone: Share = Field(
        0.7,
        description="How far the surround's colours are moved, within bounds, towards those that"
        " suit the subject; 0: not at all, as in the published inference.",
    )
    truncation: Share = Field(
        1.0, description="Truncation of the latent towards the mean; 1: none."
    )
    dropout: bool = Field(
        False,
        description="Dropout of the global code; the official code applies it at inference too.",
    )
    batch: int = Field(4, ge=1, description="Independent tiles painted at once.")
    precision: Precision = Field(
        "auto", description="Number format; auto: float16 on a GPU, float32 on a CPU."
    )

    @model_validator(mode="after")
    def _is_enlarged_if_it_is_reduced(self) -> Self:
        if self.enlarge == "network" and self.scale == 1:
            raise ValueError(
                "enlarge: network has no effect with scale: 1, where nothing is enlarged: set a"
                " smaller scale, or leave enlarge out"
            )
        return self

    @field_validator("weights", mode="before")
    @classmethod
    def _is_not_trained_here(cls, weights: Any) -> Any:
        if isinstance(weights, dict) and weights.get("kind") == "train":
            raise ValueError(
                "kind: train is gone: train the network with recipes/comodgan_paintings_small, then"
                " name its file with kind: file"
            )
        return weights


class SceneCompletion(Section):
    """Scene completion (Hays and Efros 2007): the real, painted ground of another painting.

    `grounds` says which paintings lend theirs.
    """

    kind: Literal["scene_completion"]
    full_size: bool = Field(
        True,
        description="The enlarged result takes the ground from the lender's original, if that is"
        " large enough; off: the ×4 network enlarges the outpainting's.",
    )
    maximal_enlargement: float = Field(
        1.5,
        gt=0,
        description="A lender's original is large enough if its pixels are enlarged at most so"
        " many times.",
    )


Outpainter = Annotated[
    Telea
    | PatchMatch
    | Inpainting
    | StableDiffusion
    | Diffusers
    | ArtificiallyInspired
    | SceneCompletion,
    Field(discriminator="kind"),
]
