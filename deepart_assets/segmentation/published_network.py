"""What the networks of others have in common that the project ships as safetensors."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

from deepart_assets.errors import UnavailableError, first_line

Network = TypeVar("Network", bound=nn.Module)


def read_weights(network: Network, file: Path, what: str) -> Network:
    """Fill a network from safetensors, ready for use.

    Args:
        network: Its weights are replaced.
        file: Names and shapes are those of the network's `state_dict`.
        what: "the face detector", for the message.

    Raises:
        UnavailableError: The file is missing, or another network's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UnavailableError(f"{file} is not {what}: {first_line(error)}") from error
    return network.eval()


class _OneThread:
    """The number of torch's threads is 1 while any thread is inside."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 1

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(1)  # also in this thread, which has a number of its own

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.set_num_threads(self._before)


_one_thread = _OneThread()


@contextmanager
def inference() -> Iterator[None]:
    """Run small networks: on a busy machine several threads wait for each other."""
    with _one_thread, torch.inference_mode():
        yield


def padded(x: torch.Tensor, window: int, step: int) -> torch.Tensor:
    """Pad B×C×H×W as TensorFlow's SAME does where `step` divides the sides: less at top and left.

    Args:
        x: What a convolution without padding is given then.
        window: Side of its window.
        step: Its stride.
    """
    around = window - step
    return functional.pad(x, (around // 2, around - around // 2) * 2)
