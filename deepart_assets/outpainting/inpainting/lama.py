"""LaMa (Suvorov et al. 2022), run by spandrel: it takes a picture of any size."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.compute.devices import best_device
from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.errors import PaintingError, UnavailableError, first_line

TAKEN = (
    "give LaMa (safetensors, PyTorch or TorchScript) or MI-GAN's pipeline (migan_pipeline_v2.onnx)"
)
"""What the outpainter's weights may be, for messages."""
_FIRST = "model.1.bn_l.running_mean"
"""A tensor that every LaMa has; what stands before it, each publisher has their own."""


def load_lama(
    content: Mapping[str, Any], name: str
) -> Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]:
    """Build a LaMa and return what runs it, in float32: its Fourier transforms know no other.

    Args:
        content: Tensors by name; those of a checkpoint may lie in it.
        name: The file's name, for messages.

    Raises:
        UnavailableError: It is no LaMa; says what it is, or why it cannot be loaded.
    """
    import torch

    prepare()
    from spandrel import MAIN_REGISTRY, MaskedImageModelDescriptor, UnsupportedModelError

    tensors = generator_of(content)
    try:
        found = MAIN_REGISTRY.load(tensors)
    except UnsupportedModelError:
        named = ", ".join(sorted(map(str, tensors))[:3])
        raise UnavailableError(
            f"{name} has an unknown architecture (its tensors: {named}, …): {TAKEN}"
        ) from None
    except Exception as error:  # tensors that are missing or misshapen fail in any way
        if is_out_of_memory(error):
            raise
        raise UnavailableError(f"{name} cannot be loaded ({first_line(error)}): {TAKEN}") from error
    kind, channels = found.architecture.name, (found.input_channels, found.output_channels)
    if not isinstance(found, MaskedImageModelDescriptor):
        raise UnavailableError(f"{name} is {kind}, which is not an inpainting model: {TAKEN}")
    if channels != (3, 3):
        raise UnavailableError(f"{name} is a {kind} that is not for RGB pictures: {TAKEN}")
    if not all(bool(torch.isfinite(each).all()) for each in found.model.parameters()):
        raise UnavailableError(f"{name} holds values that are not finite: fetch it again")
    device = best_device()
    found.to(device, torch.float32).eval()

    def fill(picture: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
        levels = torch.from_numpy(picture.transpose(2, 0, 1).copy())[None].to(device).float() / 255
        hole = torch.from_numpy(~known)[None, None].to(device).float()
        with torch.inference_mode():
            filled = found(levels, hole)[0]
        if not bool(torch.isfinite(filled).all()):
            raise PaintingError(f"{name} gave values that are not finite: its weights are broken")
        return (filled * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()

    return fill


def generator_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the generator's tensors under spandrel's names; of what is no LaMa, all there are.

    A checkpoint of the training has them among others, and spandrel wants them alone.
    """
    import torch

    for tensors in (content, *(each for each in content.values() if isinstance(each, Mapping))):
        before = next(
            (str(key).removesuffix(_FIRST) for key in tensors if str(key).endswith(_FIRST)), None
        )
        if before is not None:
            start = f"{before}model."
            return {
                f"model.{key.removeprefix(before)}": value
                for key, value in tensors.items()
                if key.startswith(start)
            }
    return {key: value for key, value in content.items() if isinstance(value, torch.Tensor)}
