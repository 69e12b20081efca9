"""Sets a pipeline's scheduler, device and memory savings."""

from typing import Any, Literal

from deepart_assets.settings.stable_diffusion import Scheduler, StableDiffusion

TILED_FROM = 2**21
"""Pixels. The decoder's largest layers have 256 channels at the picture's full size: 1 GB each in
float16, and several are alive at once."""
ROOM = 3 * 2**30
"""Bytes kept free on a GPU beside the weights, an estimate: for the layers of a few pictures of
512 pixels in float16, and what CUDA takes itself. Stable Diffusion 1.5 has 2 GB of weights then."""

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "dpm_solver": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
}
"""diffusers' class, and what differs from its defaults. All are deterministic: no noise is added
after the first."""

Offload = Literal["none", "model", "sequential"]


def offload_for(setting: Literal["auto"] | Offload, weights: int, free: int | None) -> Offload:
    """Return what is offloaded.

    Args:
        setting: The profile's.
        weights: Size of the pipeline's weights, bytes.
        free: The GPU's free memory, bytes; None without a GPU, where all is in main memory anyway.
    """
    if free is None:
        return "none"
    if setting != "auto":
        return setting
    return "none" if weights + ROOM <= free else "model"


def tiles(setting: Literal["auto"] | bool, height: int, width: int) -> bool:
    """Whether pictures of H×W are encoded and decoded in tiles."""
    return height * width > TILED_FROM if setting == "auto" else setting


def weights_of(pipeline: Any) -> int:
    """Return the size of a pipeline's weights in bytes."""
    import torch

    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    return sum(
        weight.numel() * weight.element_size()
        for network in networks
        for weight in network.parameters()
    )


def choose_scheduler(pipeline: Any, scheduler: Scheduler) -> None:
    """Put another scheduler in, with the noise levels that the model was trained on."""
    if scheduler == "model":
        return
    import diffusers

    name, options = SCHEDULERS[scheduler]
    pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **options)


def make_ready(pipeline: Any, settings: StableDiffusion, device: str) -> Any:
    """Fit a loaded pipeline into memory as the settings say, and return it."""
    import torch

    choose_scheduler(pipeline, settings.sampling().scheduler)
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    # One picture after another through the VAE: it takes little of the time, but most memory.
    pipeline.vae.enable_slicing()
    if settings.attention_slicing:
        pipeline.enable_attention_slicing()
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else None
    place(pipeline, offload_for(settings.offload, weights_of(pipeline), free), device)
    if settings.compile:
        pipeline.unet.compile()
    return pipeline


def place(pipeline: Any, offload: Offload, device: str) -> None:
    """Move a pipeline to a device, or the parts of it that are at work."""
    match offload:
        case "none":
            pipeline.to(device)
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
