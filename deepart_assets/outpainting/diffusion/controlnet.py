"""Inpainting ControlNets: finds and loads one, and says how its pipeline is called."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.diffusion.completeness import fault_of, load_whole
from deepart_assets.outpainting.diffusion.families import FAMILIES, ControlNetCall, Family
from deepart_assets.settings.diffusion import ControlNet
from deepart_assets.storage.hub import download_model, hash_of_model

SETTING = "the model of the outpainter's controlnet"
FILES = (
    *("config.json", "diffusion_pytorch_model.safetensors"),
    *("diffusion_pytorch_model-*.safetensors", "diffusion_pytorch_model.safetensors.index.json"),
)


def call_for(family: Family, model: str) -> ControlNetCall:
    """Return how the pipelines of a family are called with a ControlNet.

    Args:
        family: That of the outpainter's model.
        model: Its name, for the message.

    Raises:
        UnavailableError: It takes none.
    """
    if family.controlnet is None:
        able = ", ".join(each.name for each in FAMILIES if each.controlnet)
        raise UnavailableError(
            f"{model} ({family.name}) takes no inpainting ControlNet: remove the outpainter's"
            f" controlnet, or set its model to one of {able}"
        )
    return family.controlnet


def controlnet_folder(controlnet: ControlNet) -> Path:
    """Return the folder of a ControlNet, fetched if necessary.

    Raises:
        UnavailableError: It is unavailable, missing or cut short; the message has the remedy.
    """
    folder = download_model(controlnet.model, controlnet.revision, FILES, SETTING)
    if fault := fault_of(folder.parent, [folder.name]):
        raise _unsuitable(controlnet.model, fault)
    return folder


def hash_of_controlnet(controlnet: ControlNet) -> str:
    """Return the SHA-256 over configuration and weights."""
    return hash_of_model(controlnet_folder(controlnet), FILES)


def load_controlnet(controlnet: ControlNet, call: ControlNetCall, dtype: Any) -> Any:
    """Return a ControlNet on the CPU, with all its weights.

    Raises:
        UnavailableError: It is unavailable, damaged, or made for another family.
    """
    import diffusers

    folder = controlnet_folder(controlnet)
    kind = getattr(diffusers, call.network)
    try:
        found = kind.load_config(folder, local_files_only=True).get("_class_name")
        if found != call.network:
            raise ValueError(f"it is a {found} and not a {call.network}")
        return load_whole(kind, folder, "it", dtype=dtype, **call.options)
    except Exception as error:  # files of another layout fail in many ways
        if is_out_of_memory(error):
            raise
        raise _unsuitable(controlnet.model, first_line(error)) from error


def pictures_for(
    call: ControlNetCall | None,
    pictures: Sequence[NDArray[np.uint8]],
    holes: Sequence[NDArray[np.bool_]],
    strength: float,
) -> dict[str, Any]:
    """Return the arguments of a pipeline's call that show it what to paint on.

    Args:
        call: That of the ControlNet; None: there is none.
        pictures: uint8, H×W×3 each.
        holes: bool, H×W each, True where it paints.
        strength: How much noise covers what lies in the hole.
    """
    from PIL import Image

    images = [Image.fromarray(each) for each in pictures]
    masks = [Image.fromarray(each.astype(np.uint8) * 255) for each in holes]
    if call is None:
        return {"image": images, "mask_image": masks, "strength": strength}
    if call.masked:
        return {"control_image": images, "control_mask": masks}
    white = [
        Image.fromarray(np.where(hole[..., None], np.uint8(255), each))
        for each, hole in zip(pictures, holes, strict=True)
    ]
    return {"image": images, "mask_image": masks, "strength": strength, "control_image": white}


def _unsuitable(model: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{model} holds no inpainting ControlNet for this model ({reason[:200]}):"
        f" correct {SETTING}, or delete the folder and fetch it again"
    )
