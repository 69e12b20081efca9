"""Small ONNX networks that take and give what rembg's models do."""

from pathlib import Path

import numpy as np

QUICK = "u2netp"

REDNESS = (1.0, -0.6, -0.4)
BRIGHTNESS = (1.0, 0.5, 0.3)


def save_network(
    file: Path,
    side: int,
    *,
    gain: float = 1.0,
    colour=REDNESS,
    offset: float = 0.5,
    clip: bool = True,
) -> Path:
    """Write a network: gain·(the weighted sum of the normalised channels) + offset, in [0, 1].

    Like ISNet's it has a second output, which nobody uses.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.asarray(colour, np.float32).reshape(1, 3, 1, 1) * np.float32(gain)
    nodes = [helper.make_node("Conv", ["picture", "weights", "offset"], ["sum"])]
    if clip:
        nodes.append(helper.make_node("Clip", ["sum", "zero", "one"], ["map"]))
    else:
        nodes.append(helper.make_node("Identity", ["sum"], ["map"]))
    nodes.append(helper.make_node("Neg", ["sum"], ["other"]))
    constants = {"weights": weights, "offset": [offset], "zero": 0, "one": 1}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, side, side])
            for name in ("map", "other")
        ],
        [
            numpy_helper.from_array(np.asarray(value, np.float32), name)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(file))
    return file


def quick_segmenter(folder: Path) -> dict[str, object]:
    """Return the settings of a segmenter that takes milliseconds: what is bright is the subject."""
    save_network(folder / f"{QUICK}.onnx", 320, gain=0.5, colour=BRIGHTNESS)
    return {"kind": "salient", "model": QUICK, "folder": str(folder), "minimal_confidence": 0}
