"""Reads a file of an inpainting network: which one it is, and how it is called."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.inpainting.lama import load_lama
from deepart_assets.outpainting.inpainting.migan import load_migan
from deepart_assets.storage.tensor_files import read_tensors
from deepart_assets.storage.torchscript import is_torchscript, read_torchscript

Fill = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
"""Fills a picture, uint8, H×W×3, RGB, where it is not known, bool, H×W; returns it whole."""


@dataclass(frozen=True)
class InpaintingNetwork:
    """A network that fills holes, ready to run.

    Attributes:
        architecture: "LaMa" or "MI-GAN".
        suffix: Of a file with its weights.
        fill: Runs it.
    """

    architecture: str
    suffix: str
    fill: Fill


def read_network(data: bytes, name: str) -> InpaintingNetwork:
    """Build the network of a file, and put it on the device that it runs on.

    Args:
        data: LaMa's tensors (safetensors, PyTorch or TorchScript), or the ONNX pipeline of MI-GAN.
        name: The file's name, for messages.

    Raises:
        UnavailableError: It is neither, damaged, or could run code.
    """
    if not data:
        raise UnavailableError(f"{name} is empty: fetch it again")
    # ModelProto.ir_version, the first field of an ONNX file; the other is a safetensors header.
    if data[0] == 0x08 and data[8:9] != b"{":
        return InpaintingNetwork("MI-GAN", ".onnx", load_migan(data, name))
    tensors = read_torchscript(data, name) if is_torchscript(data) else read_tensors(data, name)
    suffix = ".pt" if data[:2] == b"PK" else ".safetensors"
    return InpaintingNetwork("LaMa", suffix, load_lama(tensors, name))
