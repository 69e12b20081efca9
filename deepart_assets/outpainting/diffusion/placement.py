"""Sets a pipeline's scheduler, device and memory savings."""

from typing import Any, Literal

from deepart_assets.outpainting.diffusion.plan import Plan
from deepart_assets.settings.diffusion import Pipeline

TILED_FROM = 2**21
"""Pictures with more pixels are tiled. The decoder's largest layers have 256 channels at full
size: 1 GB each in float16, and several are in memory at once."""
ROOM = 3 * 2**30
"""Estimated GPU memory in bytes needed besides the weights: activations of a few pictures of 512
pixels in float16, and CUDA itself. Stable Diffusion 1.5 has 2 GB of weights in float16."""

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "dpm_solver": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}
"""The class in diffusers, and options that differ from its defaults. Only lcm adds noise during
sampling; it comes from each picture's generator."""

Offload = Literal["none", "model", "sequential"]


def offload_for(
    setting: Literal["auto"] | Offload, weights: int, free: int | None, largest: int = 0
) -> Offload:
    """Return how a pipeline is offloaded.

    Args:
        setting: The setting in the profile.
        weights: Size of the pipeline's weights in bytes.
        free: The GPU's free memory in bytes; None without a GPU, where nothing is offloaded.
        largest: Size of the largest network's weights in bytes.
    """
    if free is None:
        return "none"
    if setting != "auto":
        return setting
    if weights + ROOM <= free:
        return "none"
    return "model" if largest + ROOM <= free else "sequential"


def tiles(setting: Literal["auto"] | bool, height: int, width: int) -> bool:
    """Whether pictures of H×W are encoded and decoded in tiles."""
    return height * width > TILED_FROM if setting == "auto" else setting


def weights_of(pipeline: Any) -> dict[str, int]:
    """Return the size of the weights of a pipeline's networks in bytes, by name."""
    import torch

    return {
        name: sum(weight.numel() * weight.element_size() for weight in part.parameters())
        for name, part in pipeline.components.items()
        if isinstance(part, torch.nn.Module)
    }


def make_ready(pipeline: Any, settings: Pipeline, plan: Plan, device: str) -> Any:
    """Fit a loaded pipeline into memory as the settings say, and return it."""
    import diffusers
    import torch

    if plan.sampling.scheduler != "model":
        name, options = SCHEDULERS[plan.sampling.scheduler]
        # With the noise levels that the model was trained on.
        pipeline.scheduler = getattr(diffusers, name).from_config(
            pipeline.scheduler.config, **options
        )
    denoiser = getattr(pipeline, plan.family.denoiser)
    for network in (denoiser, pipeline.vae):
        # Convolutions of pictures; those of videos, as in Qwen-Image's VAE, have five dimensions.
        if {each.ndim for each in network.parameters()} & {4, 5} == {4}:
            network.to(memory_format=torch.channels_last)
    # The VAE takes one picture at a time: it needs the most memory and little time.
    pipeline.vae.enable_slicing()
    if settings.attention_slicing:
        pipeline.enable_attention_slicing()
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else None
    sizes = weights_of(pipeline).values()
    place(pipeline, offload_for(settings.offload, sum(sizes), free, max(sizes)), device)
    if settings.compile:
        denoiser.compile()
    return pipeline


def place(pipeline: Any, offload: Offload, device: str) -> None:
    """Move a pipeline to a device, or only the parts in use."""
    match offload:
        case "none":
            pipeline.to(device)
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
