"""Reads and writes files of weights, with their origin in the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepart_assets.storage.tensor_files import provenance_of, read_tensors, tensors_in, to_bytes
from deepart_assets.super_resolution.weights.namings import (
    State,
    canonical_state,
    is_rrdbnet,
    spec_of,
)

if TYPE_CHECKING:
    from torch import nn


def with_provenance(weights: bytes, more: Mapping[str, str]) -> bytes:
    """Return a file of `to_bytes` with the same tensors and more provenance."""
    from safetensors.torch import load

    return to_bytes(load(weights), {**provenance_of(weights), **more})


def read_state(data: bytes, name: str) -> State:
    """Read an RRDBNet ×4 from a safetensors or PyTorch file in any of its namings.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Returns:
        float32 tensors on the CPU under basicsr's names.

    Raises:
        UnavailableError: It is no file of weights, or of another network; says which and why.
    """
    return canonical_state(read_tensors(data, name), name)


def load_network(weights: bytes, name: str = "the weights") -> nn.Module:
    """Build the ×4 network that a file of weights belongs to, in evaluation mode on the CPU.

    An RRDBNet, or a `SpandrelNetwork` of another architecture.

    Raises:
        UnavailableError: It is no file of weights, or of no ×4 network for RGB; says which and why.
    """
    return read_network(weights, name)[1]


def read_network(data: bytes, name: str) -> tuple[State, nn.Module]:
    """Read a ×4 network of any architecture, as `load_network`.

    Returns:
        Its tensors, of an RRDBNet as `read_state` gives them, and the network.
    """
    import torch

    from deepart_assets.super_resolution.rrdbnet import RRDBNet

    tensors = tensors_in(read_tensors(data, name), name)
    if is_rrdbnet(tensors):
        state = canonical_state(tensors, name)
        spec = spec_of(state)
        with torch.device("meta"):  # draws no random weights, which takes longer than to read these
            net = RRDBNet(spec.features, spec.blocks, spec.growth)
        net.load_state_dict({key: value.clone() for key, value in state.items()}, assign=True)
        return state, net.eval()
    from deepart_assets.super_resolution.weights.spandrel_network import load_spandrel

    # Cloned, as tensors that share memory cannot be written.
    return {key: value.clone() for key, value in tensors.items()}, load_spandrel(tensors, name)
