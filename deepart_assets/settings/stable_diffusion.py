"""The settings of Stable Diffusion: which model, how it samples, how it fits into memory.

Belongs here: names, types, defaults, ranges, and the presets. Does not belong here: code that acts
on a setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from deepart_assets.settings.section import Section

Scheduler = Literal["model", "ddim", "euler", "dpm_solver", "unipc"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class Sampling:
    """How a picture is drawn out of noise."""

    steps: int
    guidance: float
    scheduler: Scheduler


PRESETS: Mapping[str, Sampling] = MappingProxyType(
    {
        # diffusers' defaults, as the log in the seed's notebook shows.
        "seed": Sampling(steps=50, guidance=7.5, scheduler="model"),
        # DPM-Solver++ of second order with Karras' noise levels: diffusers' documentation of
        # DPMSolverMultistepScheduler gives 20 steps for high quality, and second order for guided
        # sampling. Unlike ancestral schedulers it adds no noise, so a seed still says it all.
        "fast": Sampling(steps=20, guidance=7.5, scheduler="dpm_solver"),
    }
)
"""What a preset means is part of the code: whoever changes one raises the stage's code version."""


class StableDiffusion(Section):
    """A diffusers pipeline: Stable Diffusion 1.5, 2 or XL, made for inpainting or not."""

    kind: Literal["stable_diffusion"]
    model: str = Field(
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        min_length=1,
        description="Id in the Hugging Face hub, or a local folder with the same files. The default"
        " is the kept copy of the seed's model, runwayml/stable-diffusion-inpainting.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    preset: Literal["seed", "fast"] = Field(
        "seed",
        description="seed: 50 steps with the model's own scheduler; fast: 20 with DPM-Solver++."
        " Both with guidance 7.5. What is given below counts instead.",
    )
    steps: int | None = Field(None, ge=1, le=1000, description="Runs of the network; none: preset.")
    guidance: float | None = Field(
        None,
        ge=0,
        le=100,
        description="How far the result is led from the negative prompt to the prompt; up to 1 the"
        " negative one does not count, and it takes half the time. None: preset.",
    )
    scheduler: Scheduler | None = Field(
        None,
        description="model: the one that comes with the model; dpm_solver: DPM-Solver++ 2M with"
        " Karras' noise levels. None: preset.",
    )
    precision: Precision = Field(
        "auto", description="Number format; auto: float16 on a GPU, float32 on a CPU."
    )
    batch: int = Field(
        4,
        ge=1,
        description="Pictures of one size at once, at most; fewer where memory is short.",
    )
    offload: Literal["auto", "none", "model", "sequential"] = Field(
        "auto",
        description="What waits in main memory while a GPU computes. model: the networks that are"
        " not at work, a little slower; sequential: all but the layer at work, many times slower."
        " auto: model where the GPU's free memory is small for the pipeline, else none.",
    )
    vae_tiling: Literal["auto"] | bool = Field(
        "auto",
        description="Decode in tiles, which takes less memory and may shift colours a little from"
        " tile to tile; auto: pictures above two megapixels.",
    )
    attention_slicing: bool = Field(
        False,
        description="Attention by parts. Only for GPUs that have no memory-efficient attention in"
        " PyTorch; on others it is slower and saves nothing.",
    )
    compile: bool = Field(
        False,
        description="torch.compile of the denoising network: a minute or more for each size of"
        " picture, so for long runs on a GPU. Needs a compiler.",
    )

    def sampling(self) -> Sampling:
        """Return the preset with the single values laid over it."""
        preset = PRESETS[self.preset]
        return Sampling(
            steps=preset.steps if self.steps is None else self.steps,
            guidance=preset.guidance if self.guidance is None else self.guidance,
            scheduler=self.scheduler or preset.scheduler,
        )
