"""What a profile will fetch of models before it can restore: said before the first run."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from deepart_assets.outpainting.diffusion.adapters import ENCODER_FILES, ip_adapter_files
from deepart_assets.outpainting.diffusion.controlnet import FILES as CONTROLNET_FILES
from deepart_assets.outpainting.diffusion.families import BY_MODEL
from deepart_assets.outpainting.diffusion.loading import FILES, UNUSED
from deepart_assets.outpainting.diffusion.quantization import replaced_by
from deepart_assets.progress import gigabytes
from deepart_assets.settings import Settings
from deepart_assets.settings.diffusion import GGUF, Diffusers
from deepart_assets.settings.outpainting import Inpainting
from deepart_assets.settings.places import cache_folder, project_path
from deepart_assets.settings.segmenters import Salient
from deepart_assets.settings.stable_diffusion import StableDiffusion
from deepart_assets.settings.training import AdversarialTraining
from deepart_assets.settings.weights import (
    DriveWeights,
    HubWeights,
    InpaintingWeights,
    PublishedWeights,
    UrlWeights,
)
from deepart_assets.storage.weights import url_place


@dataclass(frozen=True)
class ModelFetch:
    """A model that is not on this machine yet.

    Attributes:
        name: What it is.
        place: The folder that it will be in.
        size: Bytes; None: not known before it comes.
        licence: In its owner's words; empty: not known.
    """

    name: str
    place: Path
    size: int | None = None
    licence: str = ""

    def __str__(self) -> str:
        """Return a line for the terminal."""
        size = "size unknown" if self.size is None else f"{gigabytes(self.size)} GB"
        return f"{self.name}: {size}, licence {self.licence or 'unknown'}, to {self.place}"


def model_fetches(settings: Settings) -> list[ModelFetch]:
    """Return the models that a profile names and this machine lacks, as far as sizes are known.

    Covered are rembg's segmenters, all that diffusers loads, inpainting networks, and the weights
    of `art_esrgan`. Other segmenters, the CoModGAN and `psnr_weights` say so when they are fetched.

    The hub says sizes and licences; where it cannot be reached they are unknown.
    """
    network = settings.super_resolution.art_esrgan
    published = [] if isinstance(network, AdversarialTraining) else _weights(network)
    return [*_segmenter(settings), *_outpainters(settings), *published]


_BIREFNET = {"birefnet-general-lite": 230_000_000, "isnet-general-use": 180_000_000}
"""Bytes of models that differ from BiRefNet's full size, rounded up."""


def _segmenter(settings: Settings) -> Iterator[ModelFetch]:
    segmenter = settings.segmentation.segmenter
    if not isinstance(segmenter, Salient) or segmenter.folder is not None:
        return
    home, *older = _rembg_folders()
    if not any([*each.rglob(f"{segmenter.model}.onnx")] for each in (home, *older)):
        is_birefnet = segmenter.model.startswith("birefnet")
        size = _BIREFNET.get(segmenter.model, 980_000_000 if is_birefnet else None)
        licence = "MIT" if is_birefnet else "Apache-2.0"
        yield ModelFetch(f"{segmenter.model} (rembg)", home, size, licence)


def _rembg_folders() -> list[Path]:
    """Return where rembg keeps models, as its sessions say, whose import takes seconds."""
    if given := os.environ.get("U2NET_HOME"):
        return [Path(given).expanduser()]
    data = os.environ.get("XDG_DATA_HOME")
    home = os.environ.get("REMBG_HOME") or (f"{data}/rembg" if data else "~/.rembg")
    return [Path(each).expanduser() for each in (home, f"{data or '~'}/.u2net")]


def _outpainters(settings: Settings) -> Iterator[ModelFetch]:
    for each in settings.outpainters.values():
        if isinstance(each, Inpainting):
            yield from _weights(each.weights)
        if not isinstance(each, StableDiffusion | Diffusers):
            continue
        quantization, replaced = each.quantization, tuple[str, ...]()
        if isinstance(quantization, GGUF):
            file = quantization.file
            yield from _of_hub(quantization.model, quantization.revision, file, (file,))
            if each.model in BY_MODEL:  # else only its index says which network is replaced
                replaced = replaced_by(quantization, BY_MODEL[each.model])
        yield from _of_hub(each.model, each.revision, "model_index.json", _PIPELINE, replaced)
        for lora in each.loras:
            yield from _of_hub(lora.model, lora.revision, lora.weight_name, (lora.weight_name,))
        if each.controlnet:
            controlnet = each.controlnet
            yield from _of_hub(
                controlnet.model, controlnet.revision, "config.json", CONTROLNET_FILES
            )
        if each.ip_adapter:
            adapter, files = each.ip_adapter, ip_adapter_files(each.ip_adapter)
            yield from _of_hub(adapter.model, adapter.revision, files[0], files)
            if encoder := adapter.image_encoder_model:
                revision = adapter.image_encoder_revision
                yield from _of_hub(encoder, revision, "config.json", ENCODER_FILES)


def _weights(choice: PublishedWeights | InpaintingWeights) -> Iterator[ModelFetch]:
    match choice:
        case HubWeights(model=model, file=file, revision=revision):
            yield from _of_hub(model, revision, file, (file,))
        case DriveWeights(file_id=file_id):
            if not (cache_folder() / "drive" / f"{file_id}.weights").is_file():
                name, size = _DRIVE.get(file_id, (f"Google Drive's file {file_id}", None))
                yield ModelFetch(name, cache_folder(), size)
        case UrlWeights(url=url):
            if not (cache_folder() / (place := url_place(url))).is_file():
                yield ModelFetch(Path(place).name, cache_folder())


_DRIVE = {
    "1IVJFmC9S6N9v7dpTuNuO0U3D0wxbKyau": (
        "the original notebook's Art ESRGAN, from Google Drive",
        67_000_000,
    )
}
"""Names and bytes, rounded up, of files that shipped profiles name."""

_PIPELINE = ("model_index.json", *(f"*/{file}" for file in FILES))


def _of_hub(
    model: str,
    revision: str | None,
    marker: str,
    patterns: tuple[str, ...],
    replaced: tuple[str, ...] = (),
) -> Iterator[ModelFetch]:
    """Yield a model of the hub unless it is a local folder, or `marker` is in the cache.

    Args:
        model: Its id.
        revision: A commit, tag or branch.
        marker: A file without which it is not there.
        patterns: Of the files that are fetched.
        replaced: Its networks whose weights come from elsewhere.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    if project_path(model).exists():
        return
    try:
        cached = try_to_load_from_cache(
            model, marker, cache_dir=constants.HF_HUB_CACHE, revision=revision
        )
    except ValueError:  # no name of a model: the step that needs it says so
        return
    if isinstance(cached, str):
        return
    size, licence = _on_the_hub(model, revision, patterns, replaced)
    yield ModelFetch(model, Path(constants.HF_HUB_CACHE), size, licence)


def _on_the_hub(
    model: str, revision: str | None, patterns: tuple[str, ...], replaced: tuple[str, ...]
) -> tuple[int | None, str]:
    from huggingface_hub import HfApi, constants

    try:
        found: Any = HfApi(endpoint=constants.ENDPOINT).model_info(
            model, revision=revision, files_metadata=True, timeout=10
        )
    except Exception:  # the step that needs it says why
        return None, ""
    sizes = [
        each.size or 0
        for each in found.siblings or ()
        if any(fnmatch(each.rfilename, pattern) for pattern in patterns)
        and each.rfilename.split("/")[0] not in (*UNUSED, *replaced)
    ]
    tags = [tag.removeprefix("license:") for tag in found.tags or () if tag.startswith("license:")]
    gated = " (gated: accept it on the model's page)" if found.gated else ""
    return sum(sizes) or None, "".join(tags[:1]) + gated
