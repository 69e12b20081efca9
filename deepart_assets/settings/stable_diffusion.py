"""The settings of Stable Diffusion: model, sampling, memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from deepart_assets.settings.section import Section

Scheduler = Literal["model", "ddim", "euler", "dpm_solver", "unipc"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class Sampling:
    """How a picture is sampled."""

    steps: int
    guidance: float
    scheduler: Scheduler


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


class StableDiffusion(Section):
    """A diffusers pipeline: Stable Diffusion 1.5, 2 or XL, made for inpainting or not."""

    performance_only: ClassVar[frozenset[str]] = frozenset(
        {"batch", "offload", "compile", "attention_slicing"}
    )

    kind: Literal["stable_diffusion"]
    model: str = Field(
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        min_length=1,
        description="Id in the Hugging Face hub, or a local folder with the same files. The default"
        " replaces the original notebook's, runwayml/stable-diffusion-inpainting, which is gone.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    preset: Literal["original", "fast"] = Field(
        "original",
        description="original: 50 steps with the model's own scheduler, as in the original"
        " notebook; fast: 20 with DPM-Solver++. Both with guidance 7.5. The settings below override"
        " the preset.",
    )
    steps: int | None = Field(
        None, ge=1, le=1000, description="Denoising steps; null: the preset's."
    )
    guidance: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Classifier-free guidance scale; up to 1 the negative prompt has no effect, and"
        " a step takes half the time. Null: the preset's.",
    )
    scheduler: Scheduler | None = Field(
        None,
        description="model: the one that comes with the model; dpm_solver: DPM-Solver++ 2M with"
        " Karras' noise levels. Null: the preset's.",
    )
    precision: Precision = Field(
        "auto", description="Number format; auto: float16 on a GPU, float32 on a CPU."
    )
    batch: int = Field(
        4,
        ge=1,
        description="Largest number of equally large pictures in a batch; halved where memory is"
        " short.",
    )
    offload: Literal["auto", "none", "model", "sequential"] = Field(
        "auto",
        description="CPU offload. model: the networks that are not running, a little slower;"
        " sequential: all layers but the running one, many times slower. auto: model where the"
        " GPU's free memory is small for the pipeline, else none.",
    )
    vae_tiling: Literal["auto"] | bool = Field(
        "auto",
        description="Decode in tiles: less memory, but colours may differ a little between tiles;"
        " auto: above two megapixels.",
    )
    attention_slicing: bool = Field(
        False,
        description="Sliced attention, for GPUs without memory-efficient attention in PyTorch; on"
        " others it is slower and saves nothing.",
    )
    compile: bool = Field(
        False,
        description="Compile the denoising network with torch.compile: a minute or more for each"
        " picture size, so worth it for long runs on a GPU. Needs a C compiler.",
    )

    @field_validator("preset", mode="before")
    @classmethod
    def _has_its_new_name(cls, preset: Any) -> Any:
        if preset == "seed":
            raise ValueError("preset seed is now called original: rename it")
        return preset

    def sampling(self) -> Sampling:
        """Return the preset, overridden by the single values."""
        preset = PRESETS[self.preset]
        return Sampling(
            steps=preset.steps if self.steps is None else self.steps,
            guidance=preset.guidance if self.guidance is None else self.guidance,
            scheduler=self.scheduler or preset.scheduler,
        )
