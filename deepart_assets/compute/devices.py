"""The device that a model runs on."""

from typing import Literal

Device = Literal["cpu", "cuda"]


def best_device() -> Device:
    """Return "cuda" where torch finds a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
