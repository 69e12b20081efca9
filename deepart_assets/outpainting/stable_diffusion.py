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
"""The VAE of all Stable Diffusions reduces eight times: both sides must be multiples."""
GREY = 128
"""The middle of the VAE's range, which models made for inpainting see in the hole. Others see it
through the VAE, and the black of the request would darken the rim."""


class _Group(NamedTuple):
    """What pictures must have in common to go through the pipeline together."""

    height: int
    width: int
    """Padded."""
    avoids: bool
    """Whether there is a negative prompt: SD XL takes an empty one for something else than none."""


class StableDiffusionOutpainter:
    """A latent diffusion model that paints what a prompt says.

    It paints the whole picture, the subject too, so that whoever puts the subject back can see how
    far its colours are off. The pipeline is loaded once, at the first picture.
    """

    def __init__(self, settings: StableDiffusion) -> None:
        self._settings = settings
        self._limits: dict[_Group, int] = {}
        """Pictures at once that have turned out to fit into memory."""

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
        """Return the SHA-256 over the names and contents of the files that decide the result.

        Raises:
            UnavailableError: The model is unavailable; names model and remedy.
        """
        return self._hash

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels; pictures of one padded size go together, `batch` at most.

        Each picture has a generator of its own, so that it is the same whatever is painted beside
        it, up to the rounding of sums that go another way in a larger batch (on a CPU in float32 at
        most one grey level).

        Returns:
            uint8, H×W×3 each, in the order of the requests; all of it is generated, the known
            pixels too.

        Raises:
            UnavailableError: As for `weights_hash`, or the model is of another kind or damaged.
            PaintingError: The pipeline gave values that are no colours, or memory does not hold
                even one picture.
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

        White in its mask is what it repaints, black what is known. Nothing is stretched: pictures
        are padded by mirroring, and cropped back. With a strength of 1 it starts from noise alone.
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
            # On the CPU whatever the device: a GPU's generator gives other numbers on another GPU.
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
    """Return picture and hole, mirrored at the bottom and on the right to multiples of eight."""
    height, width = request.known.shape
    margin = ((0, -height % MULTIPLE), (0, -width % MULTIPLE))
    picture = np.where(request.known[..., None], request.picture, np.uint8(GREY))
    hole = np.pad(~request.known, margin, mode="symmetric")
    return np.pad(picture, (*margin, (0, 0)), mode="symmetric"), hole
