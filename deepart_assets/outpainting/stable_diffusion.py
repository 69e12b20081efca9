"""Stable Diffusion inpainting through diffusers: any compatible pipeline, by id or local folder.

Belongs here: fetching and loading the pipeline, padding, calling it reproducibly. Does not belong
here: prompts and seeds (`compose`), which come from outside.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting.base import Descriptor, Request
from deepart_assets.settings.restoration import StableDiffusion
from deepart_assets.storage.hub import hash_of_model, model_folder

MULTIPLE = 8
"""The VAE reduces eight times: both sides must be multiples."""


class StableDiffusionOutpainter:
    """A latent diffusion model that is told what to paint by a prompt."""

    def __init__(self, settings: StableDiffusion) -> None:
        self._settings = settings

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
        """Return the SHA-256 over the names and contents of all weight files.

        Raises:
            UnavailableError: The model cannot be had; names model and remedy.
        """
        return hash_of_model(self._folder)

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, one picture after the other."""
        return [self._fill(each) for each in requests]

    def _fill(self, request: Request) -> NDArray[np.uint8]:
        """Fill the unknown pixels.

        The picture is padded by mirroring to multiples of eight and cropped back, so nothing is
        stretched; white in the pipeline's mask is what it repaints.

        Raises:
            UnavailableError: As for `weights_hash`.
            PaintingError: The pipeline gave values that are no colours.
        """
        import torch
        from PIL import Image

        picture, known = request.picture, request.known
        height, width = known.shape
        bottom, right = -height % MULTIPLE, -width % MULTIPLE
        padded = np.pad(picture, ((0, bottom), (0, right), (0, 0)), mode="symmetric")
        hole = np.pad(~known, ((0, bottom), (0, right)), mode="symmetric")
        # On the CPU whatever the device: a GPU's generator gives other numbers on another GPU.
        generator = torch.Generator("cpu").manual_seed(request.seed)
        result = self._pipeline(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt or None,
            image=Image.fromarray(padded),
            mask_image=Image.fromarray(hole.astype(np.uint8) * 255),
            height=padded.shape[0],
            width=padded.shape[1],
            num_inference_steps=self._settings.steps,
            guidance_scale=self._settings.guidance,
            generator=generator,
            output_type="np",
        ).images[0]
        if not np.isfinite(result).all():
            raise PaintingError(
                f"{self._settings.model} gave values that are not finite: set half_precision to"
                " false for this outpainter"
            )
        return np.round(result[:height, :width] * 255).astype(np.uint8)

    @cached_property
    def _folder(self) -> Path:
        model = self._settings.model

        def fetch() -> str:
            prepare()
            from diffusers import DiffusionPipeline

            return DiffusionPipeline.download(
                model, revision=self._settings.revision, use_safetensors=True
            )

        return model_folder(model, "the outpainter's model", fetch)

    @cached_property
    def _pipeline(self) -> Any:
        folder = self._folder
        prepare()
        import torch
        from diffusers import AutoPipelineForInpainting

        cuda = torch.cuda.is_available()
        half = cuda and self._settings.half_precision
        try:
            pipeline = AutoPipelineForInpainting.from_pretrained(
                folder,
                dtype=torch.float16 if half else torch.float32,
                local_files_only=True,
                use_safetensors=True,
                # Paintings are full of what the checker takes for nudity; it would black them out.
                safety_checker=None,
                requires_safety_checker=False,
            )
        except (OSError, ValueError, KeyError) as error:
            raise UnavailableError(
                f"{folder} does not hold an inpainting pipeline ({error}): correct the outpainter's"
                " model"
            ) from error
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to("cuda" if cuda else "cpu")
