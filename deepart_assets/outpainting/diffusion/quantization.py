"""Weights in fewer bits: by bitsandbytes or torchao as they are loaded, or from a GGUF file."""

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.diffusion.families import Family
from deepart_assets.settings.diffusion import GGUF, BitsAndBytes, Quantization, TorchAO
from deepart_assets.storage.hub import download_file

if TYPE_CHECKING:
    import torch

SETTING = "the model of the outpainter's quantization"
_TORCHAO = {
    "int8": "Int8WeightOnlyConfig",
    "int4": "Int4WeightOnlyConfig",
    "float8": "Float8WeightOnlyConfig",
}


def check_quantization(quantization: Quantization | None, device: str) -> None:
    """Refuse a quantization whose package or GPU is missing.

    Raises:
        UnavailableError: It is; the message has the remedy.
    """
    if quantization is None:
        return
    kind = quantization.kind
    if importlib.util.find_spec(kind) is None:
        raise UnavailableError(
            f"the outpainter's quantization {kind} needs the package {kind}:"
            " pip install 'deepart_assets[quantized]'"
        )
    if kind == "bitsandbytes" and device == "cpu":
        raise UnavailableError(
            "the outpainter's quantization bitsandbytes needs a GPU, and none was found: set it to"
            " torchao, or to null"
        )


def check_parts(quantization: Quantization | None, networks: Collection[str], model: str) -> None:
    """Refuse parts that are none of a pipeline's networks: they would stay as they are.

    Args:
        quantization: As the settings say.
        networks: The pipeline's.
        model: The pipeline, for the message.

    Raises:
        UnavailableError: There are such parts; the message has the remedy.
    """
    parts = quantization.parts if isinstance(quantization, BitsAndBytes | TorchAO) else ()
    if unknown := [each for each in parts if each not in networks]:
        known = ", ".join(each for each in networks if each != "vae")
        raise UnavailableError(
            f"{model} has no {unknown[0]}: set the parts of the outpainter's quantization to some"
            f" of {known}, or leave them out"
        )


def replaced_by(quantization: Quantization | None, family: Family) -> tuple[str, ...]:
    """Return the networks whose weights a quantization brings along."""
    return (family.denoiser,) if isinstance(quantization, GGUF) else ()


def quantized(quantization: Quantization | None, name: str, kind: Sequence[str]) -> dict[str, Any]:
    """Return the arguments with which a network's weights are rounded as they are loaded.

    Args:
        quantization: As the settings say.
        name: The network's, in its pipeline.
        kind: Its library, diffusers or transformers, and class.
    """
    if not isinstance(quantization, BitsAndBytes | TorchAO):
        return {}
    if name == "vae" or (quantization.parts and name not in quantization.parts):
        return {}
    library = importlib.import_module(kind[0])
    if isinstance(quantization, TorchAO):
        from torchao import quantization as torchao

        weights = getattr(torchao, _TORCHAO[quantization.weights])()
        return {"quantization_config": library.TorchAoConfig(weights)}
    import torch

    config = (
        library.BitsAndBytesConfig(load_in_8bit=True)
        if quantization.bits == 8
        else library.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    )
    return {"quantization_config": config}


def gguf_file(quantization: GGUF) -> Path:
    """Return the file with the denoiser's weights, fetched if necessary.

    Raises:
        UnavailableError: It is not available; the message has the remedy.
    """
    return download_file(quantization.model, quantization.file, quantization.revision, SETTING)


def load_gguf(quantization: GGUF, kind: Any, folder: Path, name: str, dtype: "torch.dtype") -> Any:
    """Return a denoiser with the weights of a GGUF file.

    Args:
        quantization: As the settings say.
        kind: The denoiser's class.
        folder: The pipeline, with the denoiser's configuration.
        name: The denoiser's, in its pipeline.
        dtype: The number format that it calculates in.

    Raises:
        UnavailableError: The file is not available, damaged, or one of another network.
    """
    from diffusers import GGUFQuantizationConfig

    file = gguf_file(quantization)
    fault = "it is no GGUF file"
    try:
        with file.open("rb") as opened:
            if opened.read(4) == b"GGUF":
                network = kind.from_single_file(
                    str(file),
                    config=str(folder),
                    subfolder=name,
                    quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
                    dtype=dtype,
                    local_files_only=True,
                )
                missing = [each for each, weight in network.named_parameters() if weight.is_meta]
                if not missing:
                    return network
                fault = f"it lacks {len(missing)} weights, the first is {missing[0]}"
    except Exception as error:
        # Files of another network fail in many ways, inside of their conversion.
        if is_out_of_memory(error):
            raise
        fault = first_line(error)[:200]
    raise UnavailableError(
        f"{file.name} holds no weights for a {kind.__name__} ({fault}): correct {SETTING}, or fetch"
        " the file again"
    )
