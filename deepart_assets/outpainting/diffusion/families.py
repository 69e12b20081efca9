"""The families of diffusers pipelines that can outpaint: one table of how each is called.

Calls, defaults and multiples are those of diffusers 0.42; steps, guidance and licences those of the
model cards. The strengths below 1 of models without a mask are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deepart_assets.settings.diffusion import Sampling

Encoder = Literal["clip", "siglip"]
"""What looks at a picture for an IP-Adapter."""


@dataclass(frozen=True)
class ControlNetCall:
    """How the pipelines of one family are called with an inpainting ControlNet."""

    network: str
    """The ControlNet's class in diffusers."""
    inpaints: str
    """The class of the pipeline."""
    masked: bool
    """Whether picture and mask are given to the ControlNet alone, and the pipeline begins with
    noise. Else it is called as ever, and the ControlNet sees the picture with a white hole."""
    scale: float
    """How much the ControlNet counts."""
    models: Mapping[str, str]
    """The licence of published models, by id."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the ControlNet's constructor that its configuration lacks."""


@dataclass(frozen=True)
class Family:
    """How the pipelines of one family are loaded and called."""

    name: str
    pipelines: tuple[str, ...]
    """The classes that a `model_index.json` of this family names."""
    inpaints: str
    """The class of diffusers that inpaints with these components. Its masks are white where it
    paints, as in all families."""
    strengths: Mapping[int, float]
    """The strength at which it paints, by the denoiser's number of input channels; a network with
    another number cannot inpaint. It is always passed: some classes' default keeps much of what
    lies in the hole."""
    quality: Sampling
    few_steps: Sampling | None
    """For distilled models, and for LoRAs that need few steps."""
    models: Mapping[str, str]
    """The licence of published models, by id; gated ones are marked."""
    masked: frozenset[int] = frozenset()
    """The numbers of channels with which the denoiser is given the mask. With others it begins
    with what lies in the hole, which must not be grey then."""
    denoiser: Literal["unet", "transformer"] = "transformer"
    multiple: int = 16
    """Both sides of a picture are padded to multiples of this: some classes would stretch it."""
    native: int = 1024
    """Side in pixels of a square of the area that it was trained on, unless the denoiser's
    configuration has a `sample_size`."""
    precision: Literal["float16", "bfloat16"] = "bfloat16"
    """The number format on a GPU. Diffusion transformers and their text encoders overflow in
    float16."""
    schedules: Literal["noise", "flow"] = "flow"
    """Whether the denoiser predicts noise, for which there are several schedulers, or a flow."""
    guidance: Literal["guidance_scale", "true_cfg_scale"] = "guidance_scale"
    """The argument that strengthens the prompt."""
    negative_prompt: bool = True
    reference: Literal["image_reference"] | None = None
    """The argument that takes a picture of the wanted style."""
    ip_adapter: Encoder | None = None
    """None: the pipeline takes none."""
    controlnet: ControlNetCall | None = None
    """None: there is no inpainting ControlNet that diffusers can load."""
    largest_area: int | None = None
    """Pixels; the class itself would reduce a larger picture, and return it smaller."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the class's constructor."""


_STABILITY = "Stability AI Community License, gated"
_FLUX_DEV = "FLUX.1 [dev] Non-Commercial License, gated"

STABLE_DIFFUSION = Family(
    name="Stable Diffusion",
    pipelines=("StableDiffusionInpaintPipeline", "StableDiffusionPipeline"),
    inpaints="StableDiffusionInpaintPipeline",
    denoiser="unet",
    strengths={9: 1.0, 4: 1.0},
    masked=frozenset({9}),
    multiple=8,
    native=512,
    quality=Sampling(20, 7.5, "dpm_solver"),
    few_steps=Sampling(8, 1.5, "lcm"),
    models={"stable-diffusion-v1-5/stable-diffusion-inpainting": "CreativeML Open RAIL-M"},
    precision="float16",
    schedules="noise",
    ip_adapter="clip",
    options={"requires_safety_checker": False},
)
STABLE_DIFFUSION_XL = Family(
    name="Stable Diffusion XL",
    pipelines=("StableDiffusionXLInpaintPipeline", "StableDiffusionXLPipeline"),
    inpaints="StableDiffusionXLInpaintPipeline",
    denoiser="unet",
    # The inpainting network spoils pictures that begin as noise alone: diffusers issue 8450.
    strengths={9: 0.9999, 4: 1.0},
    masked=frozenset({9}),
    multiple=8,
    quality=Sampling(25, 8.0, "dpm_solver"),
    few_steps=Sampling(8, 1.5, "lcm"),
    models={"diffusers/stable-diffusion-xl-1.0-inpainting-0.1": "CreativeML Open RAIL++-M"},
    precision="float16",
    schedules="noise",
    ip_adapter="clip",
    # If the package invisible-watermark is installed, it would change the pictures.
    options={"add_watermarker": False},
    controlnet=ControlNetCall(
        network="ControlNetModel",
        inpaints="StableDiffusionXLControlNetInpaintPipeline",
        masked=False,
        scale=0.5,
        models={"destitech/controlnet-inpaint-dreamer-sdxl": "CreativeML Open RAIL-M"},
    ),
)
STABLE_DIFFUSION_3 = Family(
    name="Stable Diffusion 3.5",
    pipelines=("StableDiffusion3InpaintPipeline", "StableDiffusion3Pipeline"),
    inpaints="StableDiffusion3InpaintPipeline",
    strengths={16: 0.9, 33: 1.0},
    masked=frozenset({33}),
    quality=Sampling(28, 4.5),
    few_steps=Sampling(4, 0.0),
    models={
        "stabilityai/stable-diffusion-3.5-medium": _STABILITY,
        "stabilityai/stable-diffusion-3.5-large": _STABILITY,
        "stabilityai/stable-diffusion-3.5-large-turbo": _STABILITY,
    },
    ip_adapter="siglip",
    controlnet=ControlNetCall(
        network="SD3ControlNetModel",
        inpaints="StableDiffusion3ControlNetInpaintingPipeline",
        masked=True,
        scale=0.95,
        models={"alimama-creative/SD3-Controlnet-Inpainting": "Stability AI Community License"},
        options={"extra_conditioning_channels": 1},
    ),
)
FLUX_FILL = Family(
    name="FLUX.1 Fill",
    pipelines=("FluxFillPipeline",),
    inpaints="FluxFillPipeline",
    strengths={384: 1.0},
    masked=frozenset({384}),
    quality=Sampling(50, 30.0),
    few_steps=None,
    models={"black-forest-labs/FLUX.1-Fill-dev": _FLUX_DEV},
    negative_prompt=False,
)
FLUX = Family(
    name="FLUX.1",
    pipelines=("FluxPipeline", "FluxInpaintPipeline"),
    inpaints="FluxInpaintPipeline",
    strengths={64: 0.9},
    quality=Sampling(28, 7.0),
    few_steps=Sampling(4, 0.0),
    models={
        "black-forest-labs/FLUX.1-dev": _FLUX_DEV,
        "black-forest-labs/FLUX.1-schnell": "Apache-2.0, gated",
    },
    negative_prompt=False,
    ip_adapter="clip",
)
FLUX_2_KLEIN = Family(
    name="FLUX.2 klein",
    pipelines=("Flux2KleinPipeline", "Flux2KleinInpaintPipeline"),
    inpaints="Flux2KleinInpaintPipeline",
    # What lies in the hole is shown to it beside the noise, too.
    strengths={128: 0.8},
    quality=Sampling(50, 4.0),
    few_steps=Sampling(4, 1.0),
    models={
        "black-forest-labs/FLUX.2-klein-4B": "Apache-2.0",
        "black-forest-labs/FLUX.2-klein-base-4B": "Apache-2.0",
        "black-forest-labs/FLUX.2-klein-9B": "FLUX Non-Commercial License, gated",
    },
    negative_prompt=False,
    reference="image_reference",
    largest_area=1024 * 1024,
)
Z_IMAGE = Family(
    name="Z-Image",
    pipelines=("ZImagePipeline", "ZImageInpaintPipeline"),
    inpaints="ZImageInpaintPipeline",
    # Of eight steps it skips the first.
    strengths={16: 0.85},
    quality=Sampling(50, 4.0),
    few_steps=Sampling(8, 0.0),
    models={"Tongyi-MAI/Z-Image-Turbo": "Apache-2.0", "Tongyi-MAI/Z-Image": "Apache-2.0"},
)
QWEN_IMAGE = Family(
    name="Qwen-Image",
    pipelines=("QwenImagePipeline", "QwenImageInpaintPipeline"),
    inpaints="QwenImageInpaintPipeline",
    strengths={64: 0.9},
    native=1328,
    quality=Sampling(50, 4.0),
    few_steps=Sampling(8, 1.0),
    models={"Qwen/Qwen-Image": "Apache-2.0"},
    guidance="true_cfg_scale",
    controlnet=ControlNetCall(
        network="QwenImageControlNetModel",
        inpaints="QwenImageControlNetInpaintPipeline",
        masked=True,
        scale=1.0,
        models={"InstantX/Qwen-Image-ControlNet-Inpainting": "Apache-2.0"},
    ),
)

FAMILIES = (
    STABLE_DIFFUSION,
    STABLE_DIFFUSION_XL,
    STABLE_DIFFUSION_3,
    FLUX_FILL,
    FLUX,
    FLUX_2_KLEIN,
    Z_IMAGE,
    QWEN_IMAGE,
)
BY_PIPELINE = {pipeline: family for family in FAMILIES for pipeline in family.pipelines}
BY_MODEL = {model: family for family in FAMILIES for model in family.models}
DISTILLED = ("turbo", "schnell", "lightning", "lcm", "hyper")
"""A model with one of these words in its name needs few steps."""


def is_distilled(index: Mapping[str, Any], model: str) -> bool:
    """Whether a model needs few steps, as its index or its name says."""
    name = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return bool(index.get("is_distilled")) or any(word in name for word in DISTILLED)
