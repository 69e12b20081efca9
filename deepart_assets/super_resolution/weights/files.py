"""Reads and writes files of weights, with their origin in the metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.tensor_files import read_tensors
from deepart_assets.super_resolution.weights.namings import (
    State,
    canonical_state,
    is_rrdbnet,
    spec_of,
    tensors_in,
)

if TYPE_CHECKING:
    import torch
    from torch import nn


def to_bytes(
    state: Mapping[str, torch.Tensor], provenance: Mapping[str, str], *, half: bool = False
) -> bytes:
    """Write a state dict in basicsr's naming as safetensors.

    Args:
        state: float32 tensors by name.
        provenance: Where the weights come from, kept in the file's metadata. Leave dates out:
            equal weights are to give equal bytes.
        half: Store float16, in half the bytes; `read_state` gives float32 again. Of a value above
            2^-14 the rounding is at most 2^-11 of it.

    Raises:
        UnavailableError: A value does not fit into float16 (above 65504).
    """
    import torch
    from safetensors.torch import save

    tensors = {name: state[name].detach().cpu().contiguous() for name in sorted(state)}
    if half:
        tensors = {name: value.half() for name, value in tensors.items()}
        large = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
        if large:
            raise UnavailableError(
                f"{large[0]} has values that do not fit into float16: store the weights as float32"
            )
    # One entry: safetensors writes several in an order that changes from call to call.
    return save(tensors, metadata={"provenance": json.dumps(dict(provenance), sort_keys=True)})


def provenance_of(weights: bytes) -> dict[str, str]:
    """Return the origin of weights that `to_bytes` wrote; empty for other files.

    Fetched weights have `source` ("kind:name") and `source_sha256`, and what the source's own file
    tells under names that begin with `origin_`. Trained ones have `stage`, `settings` (JSON),
    `data_set` (data version of the pairs), `torch` and `device`.
    """
    length = int.from_bytes(weights[:8], "little")
    try:
        metadata = json.loads(weights[8 : 8 + length])["__metadata__"]
        found = json.loads(metadata["provenance"])
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):  # a PyTorch file, or another's
        return {}


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
