"""What the networks of others have in common that the project ships as safetensors."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

import torch
from torch import nn
from torch.nn import functional

from deepart_assets.errors import UnavailableError, first_line

Network = TypeVar("Network", bound=nn.Module)
State: TypeAlias = dict[str, torch.Tensor]


def read_weights(
    network: Network, file: Path, what: str, convert: Callable[[State], State] = dict
) -> Network:
    """Fill a network from safetensors, ready for use.

    Args:
        network: Its weights are replaced.
        file: Names and shapes are those of the network's `state_dict`.
        what: "the face detector", for the message.
        convert: Makes the network's tensors of the file's.

    Raises:
        UnavailableError: The file is missing, or another network's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(convert(load_file(file)))
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise UnavailableError(
            f"{file} is not {what} ({first_line(error)}): check the project out again"
        ) from error
    return network.eval()


def padded(x: torch.Tensor, window: int, step: int) -> torch.Tensor:
    """Pad B×C×H×W as TensorFlow's SAME does where `step` divides the sides: less at top and left.

    Args:
        x: What a convolution without padding is given then.
        window: Side of its window.
        step: Its stride.
    """
    around = window - step
    return functional.pad(x, (around // 2, around - around // 2) * 2)
