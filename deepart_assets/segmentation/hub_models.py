"""What the segmenters of transformers share: loading from safetensors, and very thin pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.compute.devices import best_device
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.imaging import resize

if TYPE_CHECKING:
    from PIL.Image import Image

BATCH = {"cpu": 1, "cuda": 4}
"""Pictures that go through a network at once. On a CPU more would save no time, and alone a mask is
the same to the bit whatever else is made with it."""
THINNEST = 1 / 128
"""Of the shorter to the longer side. A thinner picture is stretched to that, or the reduced one
would have no pixels across."""


def load_model(
    folder: Path, model_class: str, processor_class: str, what: str, setting: str
) -> tuple[Any, Any]:
    """Load a model for inference, in float32 on the best device, and its processor.

    Args:
        folder: Holds weights in safetensors, configuration and, if it reads text, a vocabulary.
        model_class: The name of its class in transformers.
        processor_class: The name of its processor's class.
        what: What it is, for messages, such as "a Mask2Former".
        setting: The setting that names it, for messages.

    Raises:
        UnavailableError: The folder holds something else, is incomplete, or needs a package.
    """
    prepare()
    import torch
    import transformers
    from safetensors import SafetensorError

    remedy = f"correct {setting}, or delete the folder and fetch it again"
    try:
        processor = getattr(transformers, processor_class).from_pretrained(
            folder, local_files_only=True
        )
        model, report = getattr(transformers, model_class).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,  # a pickle could hold code
            dtype=torch.float32,
            output_loading_info=True,
        )
    except ImportError as error:
        raise UnavailableError(
            f"{folder} needs a package that is missing: {first_line(error)}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UnavailableError(
            f"{folder} does not hold {what} in safetensors ({first_line(error)}): {remedy}"
        ) from error
    # transformers makes up what is missing; the loss is of use in training alone.
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("criterion."))
    if missing:
        raise UnavailableError(
            f"{folder} lacks {len(missing)} weights of {what} (the first is {missing[0]}): {remedy}"
        )
    return model.eval().to(best_device()), processor


def as_image(picture: NDArray[np.uint8]) -> "Image":
    """Return a picture for a processor, which may take the rows of an array for channels."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(not_too_thin(picture)))


def not_too_thin(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture, stretched where its shorter side is less than `THINNEST` of the longer."""
    height, width = picture.shape[:2]
    least = round(max(height, width) * THINNEST)
    return resize(picture, max(height, least), max(width, least))
