"""Stable Diffusion inpainting through diffusers; `diffusion` loads and places the pipeline."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.devices import best_device
from deepart_assets.compute.memory import is_out_of_memory, predict_by_group
from deepart_assets.compute.precision import dtype_for
from deepart_assets.errors import PaintingError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.outpainting.diffusion.loading import (
    find_folder,
    hash_of_pipeline,
    load_pipeline,
)
from deepart_assets.outpainting.diffusion.placement import make_ready, tiles
from deepart_assets.settings.stable_diffusion import StableDiffusion

MULTIPLE = 8
"""Both sides must be multiples of this: the VAE of Stable Diffusion reduces by eight."""
GREY = 128
"""Fills the hole: the middle of the VAE's range, which inpainting models see there. Other models
see the hole through the VAE, where the request's black would darken the edge of the subject."""


class _Group(NamedTuple):
    """What the pictures of a batch have in common."""

    height: int
    width: int
    """Padded."""
    avoids: bool
    """Whether there is a negative prompt: to SD XL an empty one is not the same as none."""


class StableDiffusionOutpainter:
    """A latent diffusion model that paints what a prompt describes.

    It paints the whole picture, including the subject, from which `seam` measures the error of its
    colours. The pipeline is loaded once, at the first picture.
    """

    def __init__(self, settings: StableDiffusion) -> None:
        self._settings = settings
        self._limits: dict[_Group, int] = {}
        """The batch sizes that are known to fit into memory."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the model."""
        return Descriptor(
            name=f"Stable Diffusion ({self._settings.model})",
            learned=True,
            uses_prompt=True,
            multiple_of=MULTIPLE,
            needs_gpu=True,
            half_precision=True,
            licence="the model's own (CreativeML Open RAIL-M for Stable Diffusion 1.5)",
            source="Rombach et al. 2022, arXiv 2112.10752; diffusers",
        )

    def weights_hash(self) -> str:
        """Return the SHA-256 over the names and contents of the files that affect the result.

        Raises:
            UnavailableError: The model is unavailable; the message has the remedy.
        """
        return self._hash

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, in batches of pictures of the same padded size.

        Each picture has its own random generator, so that a result does not depend on the other
        pictures of its batch, except for rounding (at most one grey level in float32 on a CPU).

        Returns:
            uint8, H×W×3 each, in the order of the requests. Known pixels are generated, too.

        Raises:
            UnavailableError: As for `weights_hash`, or the model is of another kind or damaged.
            PaintingError: The pipeline returned values that are not finite, or a single picture
                does not fit into memory.
        """
        groups = [_group(each) for each in requests]
        return predict_by_group(self._paint, requests, groups, self._settings.batch, self._limits)

    def _paint(self, group: _Group, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        try:
            return self._run_pipeline(group, requests)
        except Exception as error:
            if len(requests) > 1 or not is_out_of_memory(error):
                raise
            raise PaintingError(
                f"memory does not hold {self._settings.model} and a picture of"
                f" {group.width}×{group.height} pixels: for this outpainter set offload to"
                " model or sequential, vae_tiling to true, precision to float16, or lower"
                " restoration.working_side"
            ) from error

    def _run_pipeline(self, group: _Group, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Run the pipeline once.

        Pictures are padded by mirroring and cropped back; nothing is stretched. The pipeline's mask
        is white where it paints. A strength of 1 starts from noise alone.
        """
        import torch
        from PIL import Image

        pipeline, sampling = self._pipeline, self._settings.sampling()
        if tiles(self._settings.vae_tiling, group.height, group.width):
            pipeline.vae.enable_tiling()
        else:
            pipeline.vae.disable_tiling()
        padded = [_padded(each) for each in requests]
        results = pipeline(
            prompt=[each.prompt for each in requests],
            negative_prompt=[each.negative_prompt for each in requests] if group.avoids else None,
            image=[Image.fromarray(picture) for picture, _ in padded],
            mask_image=[Image.fromarray(hole.astype(np.uint8) * 255) for _, hole in padded],
            height=group.height,
            width=group.width,
            strength=1.0,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            # Always on the CPU: a GPU's generator gives other numbers on another GPU.
            generator=[torch.Generator("cpu").manual_seed(each.seed) for each in requests],
            output_type="np",
        ).images
        if not np.isfinite(results).all():
            raise PaintingError(
                f"{self._settings.model} gave values that are not finite: set precision to bfloat16"
                " or float32 for this outpainter"
            )
        return [
            np.round(result[: known.shape[0], : known.shape[1]] * 255).astype(np.uint8)
            for result, known in zip(results, (each.known for each in requests), strict=True)
        ]

    @cached_property
    def _folder(self) -> Path:
        return find_folder(self._settings.model, self._settings.revision)

    @cached_property
    def _hash(self) -> str:
        return hash_of_pipeline(self._folder)

    @cached_property
    def _pipeline(self) -> Any:
        device = best_device()
        pipeline = load_pipeline(self._folder, dtype_for(self._settings.precision, device))
        return make_ready(pipeline, self._settings, device)


def _group(request: Request) -> _Group:
    height, width = request.known.shape
    return _Group(
        height + -height % MULTIPLE, width + -width % MULTIPLE, request.negative_prompt != ""
    )


def _padded(request: Request) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return picture and hole, padded at the bottom and right by mirroring to multiples of 8."""
    height, width = request.known.shape
    margin = ((0, -height % MULTIPLE), (0, -width % MULTIPLE))
    picture = np.where(request.known[..., None], request.picture, np.uint8(GREY))
    hole = np.pad(~request.known, margin, mode="symmetric")
    return np.pad(picture, (*margin, (0, 0)), mode="symmetric"), hole
