"""Converts published TFLite networks to ours, and compares them: OpenCV from 4.11 on reads them."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def convert(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    *,
    network: nn.Module,
    batch: NDArray[np.float32],
    outputs: Sequence[str],
    tolerance: float,
) -> None:
    """Convert the file that the arguments name, compare, and write safetensors in half precision.

    Args:
        parser: Of the command; it gets a source and an output, and reports a difference.
        arguments: Of the command; None: those of the process.
        network: Ours.
        batch: On which both are compared.
        outputs: The names of the published network's.
        tolerance: Largest difference of an output.
    """
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    published = read_published(given.source)
    converted(published, network)
    if (difference := largest_difference(published, network, batch, outputs)) > tolerance:
        parser.error(f"the networks differ by {difference:.3f}")
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, given.output)


def read_published(file: Path) -> cv2.dnn.Net:
    """Read a TFLite file."""
    return cv2.dnn.readNetFromTFLite(str(file), engine=cv2.dnn.ENGINE_CLASSIC)


def converted(published: cv2.dnn.Net, network: Network) -> Network:
    """Give a network OpenCV's weights: its convolutions are registered in the file's order."""
    layers = (published.getLayer(name) for name in published.getLayerNames())
    theirs = [each.blobs for each in layers if each.type in ("Convolution", "Deconvolution")]
    ours = [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]
    for module, blobs in zip(ours, theirs, strict=True):
        for parameter, blob in zip(module.parameters(), blobs, strict=True):
            parameter.data = torch.from_numpy(blob.copy()).reshape(parameter.shape)
    return network.eval()


def largest_difference(
    published: cv2.dnn.Net,
    network: nn.Module,
    batch: NDArray[np.float32],
    outputs: Sequence[str],
) -> float:
    """Compare what both return of a batch, output by output."""
    published.setInput(batch)
    theirs = published.forward(outputs)
    with torch.inference_mode():
        found = network(torch.from_numpy(batch))
    ours = found if isinstance(found, tuple) else (found,)
    return max(
        float(np.abs(mine.numpy().ravel() - other.ravel()).max())
        for mine, other in zip(ours, theirs, strict=True)
    )
