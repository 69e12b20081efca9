"""MI-GAN (Sargsyan et al. 2023), run by onnxruntime: the pipeline that its authors publish.

The pipeline itself reduces a picture to the network's square and enlarges the result.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.compute.onnx_providers import providers
from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.inpainting.lama import TAKEN

INPUTS = {"image": ("tensor(uint8)", 3), "mask": ("tensor(uint8)", 1)}
"""Names of the pipeline's inputs, with type and channels; the mask is 255 where it is known."""


def load_migan(
    data: bytes, name: str
) -> Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]:
    """Open a pipeline and return what runs it, on a GPU where onnxruntime can.

    Args:
        data: The ONNX file.
        name: Its name, for messages.

    Raises:
        UnavailableError: onnxruntime is missing, or the file is another network or damaged.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            "MI-GAN needs the package onnxruntime: pip install 'deepart_assets[salient]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    wanted = providers(onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(data, options, providers=wanted)
    except Exception as error:  # onnxruntime's errors have no base of their own
        if is_out_of_memory(error):
            raise
        raise UnavailableError(
            f"{name} cannot be read as an ONNX model ({first_line(error)}): fetch it again"
        ) from error
    inputs = session.get_inputs()
    found = {each.name: (each.type, each.shape[1]) for each in inputs if len(each.shape) == 4}
    if found != INPUTS or len(inputs) != len(INPUTS):
        taken = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
        raise UnavailableError(f"{name} is another network, which takes {taken}: {TAKEN}")

    def fill(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
        height, width = known.shape
        # The pipeline would stretch what is not square.
        margin = ((0, max(height, width) - height), (0, max(height, width) - width))
        image = np.pad(picture, (*margin, (0, 0)), mode="symmetric").transpose(2, 0, 1)
        mask = np.pad(known, margin, mode="symmetric").astype(np.uint8) * 255
        [result, *_] = session.run(
            None, {"image": np.ascontiguousarray(image[None]), "mask": mask[None, None]}
        )
        return np.ascontiguousarray(result[0, :, :height, :width].transpose(1, 2, 0))

    return fill
