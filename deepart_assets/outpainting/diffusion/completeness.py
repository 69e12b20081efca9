"""Checks, before anything is loaded, that a pipeline's files are whole and fit into memory."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepart_assets.compute.memory import available_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.progress import gigabytes

SHARDS = ("model.safetensors.index.json", "diffusion_pytorch_model.safetensors.index.json")
WEIGHTS = ("model", "diffusion_pytorch_model")


def fault_of(folder: Path, networks: Sequence[str]) -> str | None:
    """Say what is missing or cut short of the weights of a pipeline's networks; None: nothing."""
    for name in networks:
        try:
            files = weight_files(folder / name)
            if not files:
                return f"{name} has no weights in safetensors"
            for file in files:
                _shapes(file)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"{name}: {error}"
    return None


def load_whole(kind: Any, folder: Path, name: str, **options: Any) -> Any:
    """Load a network from a folder with safetensors, and refuse it if weights were not in them.

    They would be random.

    Args:
        kind: Its class, of diffusers or transformers.
        folder: The folder.
        name: The network's, for the message.
        options: Further ones of `from_pretrained`.

    Raises:
        ValueError: Weights are missing.
    """
    network, report = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{name} lacks {len(missing)} weights, the first is {missing[0]}")
    return network


def weight_files(folder: Path) -> list[Path]:
    """Return the files of a network's weights.

    Raises:
        ValueError: The index of its parts names one that is not there, or is damaged.
    """
    for index in (folder / name for name in SHARDS):
        if index.is_file():
            named = json.loads(index.read_text("utf-8"))["weight_map"].values()
            files = [folder / name for name in sorted(set(named))]
            missing = [file.name for file in files if not file.is_file()]
            if missing:
                raise ValueError(f"{len(missing)} of {len(files)} parts are missing: {missing[0]}")
            return files
    return [file for name in WEIGHTS if (file := folder / f"{name}.safetensors").is_file()]


def check_memory(folder: Path, networks: Sequence[str], itemsize: int, model: str) -> None:
    """Refuse weights that main memory cannot hold; they go through it to a GPU, too.

    Args:
        folder: The pipeline.
        networks: Its networks.
        itemsize: Bytes of a weight in the number format that they are loaded in.
        model: The model's name, for the message.

    Raises:
        UnavailableError: There is too little memory.
    """
    needed = itemsize * sum(
        math.prod(shape)
        for name in networks
        for file in weight_files(folder / name)
        for shape in _shapes(file)
    )
    available = available_memory()
    if needed > available:
        raise UnavailableError(
            f"the weights of {model} need {gigabytes(needed)} GB of main memory and"
            f" {gigabytes(available)} GB are free: set this outpainter's precision to bfloat16,"
            " end other programs, or choose a smaller model"
        )


def _shapes(file: Path) -> list[list[int]]:
    """Return the shapes of the tensors in a safetensors file, of which the header alone is read.

    Raises:
        ValueError: It is cut short, longer than it says, or another file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            return [opened.get_slice(name).get_shape() for name in opened.keys()]  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{file.name} is cut short or damaged ({first_line(error)})") from error
