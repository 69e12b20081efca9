"""The settings of Stable Diffusion with the presets of the original notebook."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from deepart_assets.settings.diffusion import Pipeline, Sampling
from deepart_assets.settings.section import NonEmpty

PRESETS: Mapping[str, Sampling] = MappingProxyType(
    {
        # diffusers' defaults, as the log in the original notebook shows.
        "original": Sampling(steps=50, guidance=7.5, scheduler="model"),
        # DPM-Solver++ of second order with Karras' noise levels: diffusers' documentation of
        # DPMSolverMultistepScheduler gives 20 steps for high quality, and second order for guided
        # sampling. Unlike ancestral schedulers it adds no noise: the seed determines the result.
        "fast": Sampling(steps=20, guidance=7.5, scheduler="dpm_solver"),
    }
)
"""A change here needs a new code version of the outpaintings."""


class StableDiffusion(Pipeline):
    """Stable Diffusion 1.5, 2 or XL, made for inpainting or not, as the original notebook did.

    `Diffusers` knows more families, and more settings.
    """

    kind: Literal["stable_diffusion"]
    model: NonEmpty = Field(
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        description="Id in the Hugging Face hub, or a local folder with the same files. The default"
        " replaces the original notebook's, runwayml/stable-diffusion-inpainting, which is gone.",
    )
    preset: Literal["original", "fast"] = Field(
        "original",
        description="original: 50 steps with the model's own scheduler, as in the original"
        " notebook; fast: 20 with DPM-Solver++. Both with guidance 7.5. steps, guidance and"
        " scheduler override it.",
    )

    # Not settings of this kind, so that what it has painted keeps its provenance.
    strength: ClassVar[None] = None
    fill: ClassVar[Literal["grey"]] = "grey"
    resolution: ClassVar[Literal["working"]] = "working"
    loras: ClassVar[tuple[()]] = ()
    quantization: ClassVar[None] = None
    controlnet: ClassVar[None] = None
    seam_pass: ClassVar[None] = None
    reference: ClassVar[Literal["none"]] = "none"
    ip_adapter: ClassVar[None] = None

    @field_validator("preset", mode="before")
    @classmethod
    def _has_its_new_name(cls, preset: Any) -> Any:
        if preset == "seed":
            raise ValueError("preset seed is now called original: rename it")
        return preset
