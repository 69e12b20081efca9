"""The settings of outpainters that are pipelines of diffusers, of whatever family."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from deepart_assets.settings.section import NonEmpty, PositiveShare, Section, Share

Scheduler = Literal["model", "ddim", "euler", "dpm_solver", "unipc", "lcm"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]
Part = Literal["unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3"]
"""A network of a pipeline whose weights may be rounded: any but the VAE."""

Fill = Literal["patchmatch", "telea", "scene_completion", "grey"]
"""What is laid into the hole before the model paints."""


@dataclass(frozen=True)
class Sampling:
    """How a picture is sampled."""

    steps: int
    guidance: float
    scheduler: Scheduler = "model"


class Pipeline(Section):
    """What all pipelines have: where the model is, and how it fits into memory."""

    performance_only: ClassVar[frozenset[str]] = frozenset(
        {"batch", "offload", "compile", "attention_slicing"}
    )

    model: NonEmpty = Field(
        description="Id in the Hugging Face hub, or a local folder with the same files."
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
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
        " Karras' noise levels; lcm: for latent consistency models and LoRAs. Flow-matching models"
        " have their own alone. Null: the preset's.",
    )
    precision: Precision = Field(
        "auto",
        description="Number format; auto: on a GPU float16 for a UNet and bfloat16 for a diffusion"
        " transformer, on a CPU float32.",
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
        " GPU's free memory is small for the pipeline, sequential where it is small for its largest"
        " network, else none.",
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

    def sampling_from(self, preset: Sampling) -> Sampling:
        """Return a preset, overridden by the single values."""
        return Sampling(
            steps=preset.steps if self.steps is None else self.steps,
            guidance=preset.guidance if self.guidance is None else self.guidance,
            scheduler=self.scheduler or preset.scheduler,
        )


class Lora(Section):
    """Low-rank weights that are added to a model's: a style, or fewer steps."""

    model: NonEmpty = Field(
        description="Id in the Hugging Face hub, a local folder, or a file in one."
    )
    weight_name: str = Field(
        "pytorch_lora_weights.safetensors",
        pattern=r"\.safetensors$",
        description="The file in the folder or repository.",
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    scale: float = Field(1.0, ge=-10, le=10)


class IPAdapter(Section):
    """An IP-Adapter: weights with which a model takes the style from a picture.

    For Stable Diffusion 1.5, XL and 3.5, and FLUX.1. Paintings are painted one at a time with it.
    """

    model: NonEmpty = Field(
        "h94/IP-Adapter",
        description="Id in the Hugging Face hub, or a local folder with the same files.",
    )
    weight_name: str = Field(
        "models/ip-adapter_sd15.safetensors",
        pattern=r"^[^/].*\.safetensors$",
        description="The file in it. Stable Diffusion XL: sdxl_models/ip-adapter_sdxl.safetensors.",
    )
    image_encoder: str = Field(
        "models/image_encoder",
        pattern=r"^[^/]+/.+[^/]$",
        description="The folder in it with the network that looks at the picture. Stable Diffusion"
        " XL: sdxl_models/image_encoder.",
    )
    image_encoder_model: NonEmpty | None = Field(
        None,
        description="Id or local folder of that network, where the adapter comes without it. Stable"
        " Diffusion 3.5: google/siglip-so400m-patch14-384; FLUX.1: openai/clip-vit-large-patch14.",
    )
    image_encoder_revision: str | None = Field(
        None, description="Commit, tag or branch of `image_encoder_model` on the hub."
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    scale: Share = Field(0.5, description="How much the picture counts.")


class ControlNet(Section):
    """A ControlNet that was trained to inpaint, beside a model that was not.

    For Stable Diffusion XL and 3, and Qwen-Image. Of the latter two paintings are painted one at a
    time with it.
    """

    model: NonEmpty = Field(
        description="Id in the Hugging Face hub, or a local folder with the same files."
    )
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")
    scale: float | None = Field(
        None, gt=0, le=2, description="How much it counts. Null: the family's."
    )


class BitsAndBytes(Section):
    """Weights rounded to 4 or 8 bits by bitsandbytes as they are loaded; needs a GPU."""

    kind: Literal["bitsandbytes"]
    bits: Literal[4, 8] = 4
    parts: tuple[Part, ...] = Field(
        (), description="Networks of the pipeline, such as transformer; none: all but the VAE."
    )


class TorchAO(Section):
    """Weights rounded by torchao as they are loaded."""

    kind: Literal["torchao"]
    weights: Literal["int8", "int4", "float8"] = "int8"
    parts: tuple[Part, ...] = Field(
        (), description="Networks of the pipeline, such as transformer; none: all but the VAE."
    )


class GGUF(Section):
    """The denoiser's weights from a GGUF file, whose own are not fetched then."""

    kind: Literal["gguf"]
    model: NonEmpty = Field(
        description="Id in the Hugging Face hub, or a local folder with the file."
    )
    file: str = Field(pattern=r"\.gguf$", description="The file in the folder or repository.")
    revision: str | None = Field(None, description="Commit, tag or branch of the hub's model.")


Quantization = Annotated[BitsAndBytes | TorchAO | GGUF, Field(discriminator="kind")]


class SeamPass(Section):
    """A second, light pass over a band on both sides of the seam; then the subject is put back."""

    width: int = Field(
        32, ge=1, description="Width of the band on either side of the seam, painted pixels."
    )
    strength: float = Field(
        0.3, gt=0, lt=1, description="How much noise covers the band, as for the first pass."
    )


class Diffusers(Pipeline):
    """A diffusers pipeline of any known family; the family's own values are the defaults.

    The families are Stable Diffusion 1.5, 2, XL and 3.5, FLUX.1 and FLUX.1 Fill, FLUX.2 klein,
    Z-Image and Qwen-Image. The model's `model_index.json` says which one it is.
    """

    kind: Literal["diffusers"]
    preset: Literal["auto", "quality", "few_steps"] = Field(
        "auto",
        description="The family's steps and guidance. few_steps is for distilled models and for"
        " LoRAs that need few steps; auto: few_steps where the model's index or name says that it"
        " is distilled, else quality. steps, guidance and scheduler override it.",
    )
    strength: PositiveShare | None = Field(
        None,
        description="How much noise covers what lies in the hole: 1 is noise alone, less begins"
        " with the filled hole and skips that share of the steps. Null: the family's.",
    )
    fill: Literal["auto"] | Fill = Field(
        "auto",
        description="What is laid into the hole first. auto: grey for models that are given the"
        " mask, else patchmatch. scene_completion takes the grounds that ship with the project.",
    )
    loras: tuple[Lora, ...] = Field((), description="Added to the model's weights together.")
    quantization: Quantization | None = Field(
        None, description="Weights in fewer bits, for less memory. Null: those of precision."
    )
    controlnet: ControlNet | None = Field(None, description="Null: the model alone.")
    seam_pass: SeamPass | None = Field(None, description="Null: one pass.")
    reference: Literal["none", "subject", "same_artist"] = Field(
        "none",
        description="subject: the painting's own subject is shown to the model as a picture to take"
        " the style from; same_artist: another painting of the same artist, of those to restore"
        " the nearest in style, genre and time, or without one the subject. For FLUX.2 klein, and"
        " with ip_adapter for Stable Diffusion 1.5, XL and 3.5, and FLUX.1.",
    )
    ip_adapter: IPAdapter | None = Field(
        None, description="What shows the reference to Stable Diffusion and FLUX.1."
    )
    resolution: Literal["native", "working"] = Field(
        "native",
        description="native: a working copy smaller than the pictures that the model was trained"
        " on is enlarged to their area, painted, and reduced again; working: never enlarged.",
    )

    @model_validator(mode="after")
    def _adapter_has_its_attention(self) -> Self:
        if self.ip_adapter and self.attention_slicing:
            raise ValueError("attention_slicing would put the ip_adapter out of action: leave it")
        if self.ip_adapter and self.reference == "none":
            raise ValueError(
                "ip_adapter shows a reference, which is none: set it to subject or same_artist"
            )
        return self
