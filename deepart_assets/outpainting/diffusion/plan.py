"""Decides how a model is called: its family's values, and what the settings put in their place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.diffusion.controlnet import call_for
from deepart_assets.outpainting.diffusion.families import (
    FAMILIES,
    STABLE_DIFFUSION,
    STABLE_DIFFUSION_XL,
    ControlNetCall,
    Family,
    is_distilled,
)
from deepart_assets.outpainting.diffusion.loading import (
    channels_of,
    denoiser_config,
    read_index,
)
from deepart_assets.outpainting.patchmatch import load_patchmatch
from deepart_assets.settings.diffusion import Diffusers, Fill, Sampling
from deepart_assets.settings.stable_diffusion import PRESETS, StableDiffusion

LATENT_PIXEL = 8
"""Pixels of a picture to a side of a latent one; `sample_size` counts latent ones."""


@dataclass(frozen=True)
class Plan:
    """How a model is called."""

    family: Family
    sampling: Sampling
    strength: float
    fill: Fill
    side: int | None
    """Smaller pictures are enlarged to the area of a square of this side; None: never."""
    controlnet: ControlNetCall | None = None
    controlnet_scale: float = 1.0

    @property
    def alone(self) -> bool:
        """Whether pictures are painted one at a time, as in batches they would affect each other.

        Masked ControlNets encode their picture with torch's global random generator.
        """
        return self.controlnet is not None and self.controlnet.masked

    def identity(self) -> dict[str, Any]:
        """Return what results depend on, as JSON."""
        return {
            "family": self.family.name,
            "steps": self.sampling.steps,
            "guidance": self.sampling.guidance,
            "scheduler": self.sampling.scheduler,
            "strength": self.strength,
            "fill": self.fill,
            "side": self.side,
            **({"controlnet_scale": self.controlnet_scale} if self.controlnet else {}),
        }


def families_for(settings: StableDiffusion | Diffusers) -> tuple[Family, ...]:
    """Return the families that a kind of outpainter paints with."""
    if isinstance(settings, Diffusers):
        return FAMILIES
    return (STABLE_DIFFUSION, STABLE_DIFFUSION_XL)


def plan_for(settings: StableDiffusion | Diffusers, folder: Path) -> Plan:
    """Return how the model in a folder is called.

    Raises:
        UnavailableError: The folder holds no model that can inpaint, a setting does not suit its
            family, or a package is missing; the message has the remedy.
    """
    index, family = read_index(folder, families_for(settings))
    config = denoiser_config(folder, family)
    channels = channels_of(config, folder, family)
    sampling = settings.sampling_from(_preset(settings, family, index))
    if family.schedules == "flow" and sampling.scheduler != "model":
        raise UnavailableError(
            f"{settings.model} is a flow-matching model ({family.name}), and the scheduler"
            f" {sampling.scheduler} is for models that predict noise: set the outpainter's"
            " scheduler to model"
        )
    strength = family.strengths[channels] if settings.strength is None else settings.strength
    strengths = [strength, *([settings.seam_pass.strength] if settings.seam_pass else [])]
    # Those of flow matching always take one.
    if family.schedules == "noise" and int(sampling.steps * min(strengths)) < 1:
        raise UnavailableError(
            f"a strength of {min(strengths):g} leaves none of {sampling.steps} steps: raise the"
            " outpainter's strength, that of its seam_pass, or its steps"
        )
    if settings.reference != "none":
        _check_reference(settings, family)
    wanted = settings.controlnet
    controlnet = call_for(family, settings.model) if wanted else None
    is_masked = channels in family.masked
    if controlnet and controlnet.masked:
        _check_begins_with_noise(settings)
        is_masked, strength = True, 1.0
    fill = settings.fill
    if fill == "auto":
        fill = "grey" if is_masked else "patchmatch"
    elif fill == "grey" and not is_masked and isinstance(settings, Diffusers):
        raise UnavailableError(
            f"{settings.model} is not given the mask and begins with what lies in the hole, which"
            " grey would spoil: set the outpainter's fill to patchmatch, telea or scene_completion"
        )
    if fill == "patchmatch":
        load_patchmatch('the fill "patchmatch"')
    sample = config.get("sample_size") if family.denoiser == "unet" else None
    native = sample * LATENT_PIXEL if isinstance(sample, int) else family.native
    side = native if settings.resolution == "native" else None
    scale = controlnet.scale if controlnet else 1.0
    if wanted and wanted.scale is not None:
        scale = wanted.scale
    return Plan(family, sampling, strength, fill, side, controlnet, scale)


def _check_begins_with_noise(settings: StableDiffusion | Diffusers) -> None:
    if settings.strength is not None or settings.seam_pass:
        named = "seam_pass" if settings.strength is None else "strength"
        raise UnavailableError(
            f"with its controlnet {settings.model} begins with noise alone: remove this"
            f" outpainter's {named}"
        )


def _check_reference(settings: StableDiffusion | Diffusers, family: Family) -> None:
    if settings.ip_adapter and not family.ip_adapter:
        takers = ", ".join(each.name for each in FAMILIES if each.ip_adapter)
        raise UnavailableError(
            f"{settings.model} ({family.name}) takes no ip_adapter: remove it from this outpainter,"
            f" or set its model to one of {takers}"
        )
    if family.reference or settings.ip_adapter:
        return
    able = ", ".join(each.name for each in FAMILIES if each.reference)
    adapter = ", or name an ip_adapter" if family.ip_adapter else ""
    raise UnavailableError(
        f"{settings.model} ({family.name}) takes no reference picture: set the outpainter's"
        f" reference to none, or its model to one of {able}{adapter}"
    )


def _preset(
    settings: StableDiffusion | Diffusers, family: Family, index: dict[str, Any]
) -> Sampling:
    if isinstance(settings, StableDiffusion):
        return PRESETS[settings.preset]
    few = settings.preset == "few_steps" or (
        settings.preset == "auto" and is_distilled(index, settings.model)
    )
    if few and family.few_steps is None:
        raise UnavailableError(
            f"{family.name} has no preset few_steps: set the outpainter's preset to quality, and"
            " its steps"
        )
    return family.few_steps if few and family.few_steps else family.quality
