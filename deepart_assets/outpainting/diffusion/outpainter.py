"""Outpainting with a diffusers pipeline of any family; `plan` decides how it is called."""

import json
import logging
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
from deepart_assets.outpainting.diffusion.adapters import (
    add_ip_adapter,
    add_loras,
    hashes_of_ip_adapter,
    lora_file,
)
from deepart_assets.outpainting.diffusion.canvas import (
    band,
    lay,
    reference_picture,
    size_on_canvas,
    subject_picture,
    take_back,
)
from deepart_assets.outpainting.diffusion.controlnet import hash_of_controlnet, pictures_for
from deepart_assets.outpainting.diffusion.families import BY_MODEL, Family
from deepart_assets.outpainting.diffusion.loading import (
    find_folder,
    hash_of_pipeline,
    load_pipeline,
)
from deepart_assets.outpainting.diffusion.placement import make_ready, tiles
from deepart_assets.outpainting.diffusion.plan import Plan, families_for, plan_for
from deepart_assets.outpainting.diffusion.quantization import check_quantization, gguf_file
from deepart_assets.outpainting.scene_completion.shipped import shipped_folder
from deepart_assets.settings.diffusion import GGUF, Diffusers
from deepart_assets.settings.stable_diffusion import StableDiffusion
from deepart_assets.storage.hashes import sha256_of, sha256_of_file

logger = logging.getLogger(__name__)


class _Group(NamedTuple):
    """What the pictures of a batch have in common."""

    height: int
    width: int
    """Padded."""
    avoids: bool
    """Whether there is a negative prompt: to SD XL an empty one is not the same as none."""


class DiffusersOutpainter:
    """A diffusion model that paints what a prompt describes.

    It paints the whole picture, including the subject, from which `seam` measures the error of its
    colours. The pipeline is loaded once, at the first picture.
    """

    def __init__(self, settings: StableDiffusion | Diffusers) -> None:
        self._settings = settings
        self._limits: dict[_Group, int] = {}
        """The batch sizes that are known to fit into memory."""

    @property
    def descriptor(self) -> Descriptor:
        """Describe the model; of an id, so far as the table of families knows it."""
        model = self._settings.model
        known = BY_MODEL.get(model)
        family = "Stable Diffusion" if isinstance(self._settings, StableDiffusion) else "diffusers"
        return Descriptor(
            name=f"{known.name if known else family} ({model})",
            learned=True,
            uses_prompt=True,
            reads_labels=self._settings.fill == "scene_completion",
            reads_ground=self._settings.fill == "scene_completion",
        )

    def weights_hash(self) -> str:
        """Return a SHA-256 that identifies the weights, and how their family has them called.

        For `kind: stable_diffusion` it is that over the names and contents of the files alone,
        unless the strength is another than 1.

        Raises:
            UnavailableError: The model or a LoRA is unavailable, damaged or of another kind, or a
                setting does not suit it; the message has the remedy.
        """
        identity = self._plan.identity()
        if isinstance(self._settings, StableDiffusion):
            strength = identity["strength"]
            identity = {} if strength == 1 else {"strength": strength}
        if self._settings.loras:
            loras = [lora_file(each) for each in self._settings.loras]
            identity["loras"] = [sha256_of_file(file) for file in loras]
        if isinstance(self._settings.quantization, GGUF):
            identity["gguf"] = sha256_of_file(gguf_file(self._settings.quantization))
        if self._plan.fill == "scene_completion":
            identity["grounds"] = shipped_folder().hash
        if self._settings.ip_adapter:
            identity |= hashes_of_ip_adapter(self._settings.ip_adapter)
        if self._settings.controlnet:
            identity["controlnet"] = hash_of_controlnet(self._settings.controlnet)
        files = hash_of_pipeline(self._folder, self._settings.quantization)
        if not identity:
            return files
        return sha256_of(json.dumps({"files": files, **identity}, sort_keys=True).encode())

    def __call__(self, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Fill the unknown pixels, in batches of pictures of the same padded size.

        Each picture has its own random generator, so that a result does not depend on the other
        pictures of its batch, except for rounding (at most one grey level in float32 on a CPU).

        Returns:
            uint8, H×W×3 each, in the order of the requests. Known pixels are generated, too.

        Raises:
            UnavailableError: As for `weights_hash`, or weights are missing.
            PaintingError: The pipeline returned values that are not finite, or a single picture
                does not fit into memory.
        """
        groups = [self._group(each) for each in requests]
        # The pipelines show one reference through an IP-Adapter to a whole batch.
        alone = self._settings.ip_adapter or self._plan.alone
        batch = 1 if alone else self._settings.batch
        return predict_by_group(self._paint, requests, groups, batch, self._limits)

    def _group(self, request: Request) -> _Group:
        size = size_on_canvas(request.known.shape, self._plan)
        avoids = self._family.negative_prompt and request.negative_prompt != ""
        return _Group(size.padded_height, size.padded_width, avoids)

    def _paint(self, group: _Group, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        try:
            return self._run_pipeline(group, requests)
        except Exception as error:
            if len(requests) > 1 or not is_out_of_memory(error):
                raise
            raise PaintingError(
                f"memory does not hold {self._settings.model} and a picture of"
                f" {group.width}×{group.height} pixels: for this outpainter set offload to"
                f" model or sequential, vae_tiling to true, precision to {self._family.precision},"
                " or lower restoration.working_side"
            ) from error

    def _run_pipeline(self, group: _Group, requests: Sequence[Request]) -> list[NDArray[np.uint8]]:
        """Run the pipeline once. Nothing is stretched."""
        import torch

        pipeline, plan = self._pipeline, self._plan
        if tiles(self._settings.vae_tiling, group.height, group.width):
            pipeline.vae.enable_tiling()
        else:
            pipeline.vae.disable_tiling()
        sizes = [size_on_canvas(each.known.shape, plan) for each in requests]
        laid = [lay(each, size, plan) for each, size in zip(requests, sizes, strict=True)]
        shared = {
            "prompt": [each.prompt for each in requests],
            "height": group.height,
            "width": group.width,
            "num_inference_steps": plan.sampling.steps,
            "output_type": "np",
            self._family.guidance: plan.sampling.guidance,
            **self._avoided(group, requests),
            **self._referred(requests),
            **({"controlnet_conditioning_scale": plan.controlnet_scale} if plan.controlnet else {}),
        }

        def run(
            pictures: Sequence[NDArray[np.uint8]],
            holes: Sequence[NDArray[np.bool_]],
            strength: float,
        ) -> NDArray[np.float32]:
            with torch.random.fork_rng(enabled=plan.alone):
                if plan.alone:  # masked ControlNets encode their picture by the global generator
                    torch.manual_seed(requests[0].seed)
                images: NDArray[np.float32] = pipeline(
                    **pictures_for(plan.controlnet, pictures, holes, strength),
                    # Always on the CPU: a GPU's generator gives other numbers on another GPU.
                    generator=[torch.Generator("cpu").manual_seed(each.seed) for each in requests],
                    # Z-Image writes into its list of prompts.
                    **{name: list(v) if isinstance(v, list) else v for name, v in shared.items()},
                ).images
            if not np.isfinite(images).all():
                raise PaintingError(
                    f"{self._settings.model} gave values that are not finite: set precision to"
                    " bfloat16 or float32 for this outpainter"
                )
            return images

        results = run([each.picture for each in laid], [each.hole for each in laid], plan.strength)
        light = self._settings.seam_pass
        if light:
            joined = [
                np.where(each.hole[..., None], np.round(result * 255), each.picture)
                for each, result in zip(laid, results, strict=True)
            ]
            results = run(
                [each.astype(np.uint8) for each in joined],
                [band(each.hole, light.width) for each in laid],
                light.strength,
            )
        together = zip(results, sizes, requests, strict=True)
        return [take_back(result, size, request) for result, size, request in together]

    def _referred(self, requests: Sequence[Request]) -> dict[str, Any]:
        from PIL import Image

        if self._settings.reference == "none":
            return {}
        pictures = [
            Image.fromarray(
                subject_picture(each)
                if each.reference is None
                else reference_picture(each.reference)
            )
            for each in requests
        ]
        if self._family.reference:
            return {self._family.reference: pictures}
        return {"ip_adapter_image": pictures}  # a list of adapters, of which there is one

    def _avoided(self, group: _Group, requests: Sequence[Request]) -> dict[str, Any]:
        family = self._family
        if not family.negative_prompt:
            if any(each.negative_prompt for each in requests):
                logger.warning(
                    "%s takes no negative prompt: restoration.negative_prompt has no effect",
                    self.descriptor.name,
                )
            return {}
        if group.avoids:
            return {"negative_prompt": [each.negative_prompt for each in requests]}
        # Without one, true_cfg_scale has no effect; a space is what Qwen-Image's card gives it.
        wanted = family.guidance == "true_cfg_scale" and self._plan.sampling.guidance > 1
        return {"negative_prompt": [" "] * len(requests) if wanted else None}

    @cached_property
    def _folder(self) -> Path:
        settings = self._settings
        families = families_for(settings)
        check_quantization(settings.quantization, best_device())
        return find_folder(settings.model, settings.revision, families, settings.quantization)

    @cached_property
    def _plan(self) -> Plan:
        return plan_for(self._settings, self._folder)

    @property
    def _family(self) -> Family:
        return self._plan.family

    @cached_property
    def _pipeline(self) -> Any:
        device = best_device()
        dtype = dtype_for(self._settings.precision, device, self._family.precision)
        pipeline = load_pipeline(
            self._folder, dtype, self._settings.quantization, self._settings.controlnet
        )
        add_loras(pipeline, self._settings.loras)
        if self._settings.ip_adapter and self._family.ip_adapter:
            add_ip_adapter(pipeline, self._settings.ip_adapter, self._family.ip_adapter)
        return make_ready(pipeline, self._settings, self._plan, device)
