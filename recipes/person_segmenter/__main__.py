"""Converts MediaPipe's selfie segmentation from TFLite to safetensors.

    python -m recipes.person_segmenter selfie_segmentation.tflite --output persons.safetensors

The file comes in the Python package mediapipe 0.10.14, as mediapipe/modules/selfie_segmentation/.
Refuses to write what does not find the same people as OpenCV.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from deepart_assets.segmentation.person_network import SIDE, PersonNetwork
from recipes.tflite import convert

OUTPUTS = ["activation_10"]
TOLERANCE = 1e-3
"""In probability."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, compare and write."""
    parser = argparse.ArgumentParser("python -m recipes.person_segmenter", description=__doc__)
    noise = np.random.default_rng(0).uniform(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    convert(
        parser,
        arguments,
        network=PersonNetwork(),
        batch=noise,
        outputs=OUTPUTS,
        tolerance=TOLERANCE,
    )


if __name__ == "__main__":
    main()
