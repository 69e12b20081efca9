"""Files of LaMa and MI-GAN in their published layouts, made here."""

from functools import cache

import numpy as np

from deepart_assets.compat import prepare


@cache
def lama_state():
    """LaMa's tensors, each a single number that is repeated: 51 million in a file of 200 kB.

    What it paints follows the picture, so it differs from place to place.
    """
    prepare()
    import torch
    from spandrel.architectures.LaMa import LaMa

    with torch.device("meta"):
        shapes = LaMa(in_nc=4, out_nc=3).state_dict()

    def constant(name, like):
        if like.ndim > 1:
            # The 18 residual blocks add nothing, so that the sigmoid at the end is not saturated.
            value = 0.0 if ".conv2." in name else 1 / np.prod(like.shape[1:])
        else:
            value = float(name.endswith(("weight", "running_var")))
        return torch.tensor(value, dtype=like.dtype).expand(like.shape)

    return {name: constant(name, like) for name, like in shapes.items()}


def published(prefix="generator."):
    """The tensors as publishers name them."""
    return {
        name.replace("model.model.", f"{prefix}model."): each for name, each in lama_state().items()
    }


def torchscript(state) -> bytes:
    """Return an archive of `torch.jit.save` with modules of these attributes."""
    import io

    import torch

    class Shell(torch.nn.Module):
        def forward(self, x):
            return x

    root = Shell()
    for name, tensor in state.items():
        *modules, last = name.split(".")
        place = root
        for each in modules:
            if not hasattr(place, each):
                place.add_module(each, Shell())
            place = getattr(place, each)
        place.register_buffer(last, tensor)
    content = io.BytesIO()
    torch.jit.save(torch.jit.script(root), content)
    return content.getvalue()


def migan_pipeline(image="image", kind="UINT8") -> bytes:
    """Return an ONNX file that is called as MI-GAN's pipeline.

    It paints the mean of what is known, darker beside that: whoever confuses hole and known, or
    passes on what lies in the hole, gets another colour. Of what is not square it paints white.
    """
    from onnx import TensorProto, helper

    number = getattr(TensorProto, kind)
    nodes = [
        helper.make_node("Cast", [image], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["mask"], ["mask_levels"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["mask_levels", "white"], ["known"]),
        helper.make_node("Mul", ["levels", "known"], ["shown"]),
        helper.make_node("ReduceSum", ["shown", "sides"], ["total"], keepdims=1),
        helper.make_node("ReduceSum", ["known", "sides"], ["count"], keepdims=1),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Shape", [image], ["height"], start=2, end=3),
        helper.make_node("Shape", [image], ["width"], start=3, end=4),
        helper.make_node("Equal", ["height", "width"], ["square"]),
        helper.make_node("Where", ["square", "mean", "white"], ["colour"]),
        helper.make_node("Shape", [image], ["shape"]),
        helper.make_node("Expand", ["colour", "shape"], ["flat"]),
        helper.make_node("MaxPool", ["known"], ["near"], kernel_shape=[5, 5], pads=[2] * 4),
        helper.make_node("Sub", ["flat", "near"], ["painted"]),
        helper.make_node("Greater", ["known", "half"], ["is_known"]),
        helper.make_node("Where", ["is_known", "levels", "painted"], ["all"]),
        helper.make_node("Cast", ["all"], ["result"], to=number),
    ]
    graph = helper.make_graph(
        nodes,
        "pipeline",
        [
            helper.make_tensor_value_info(image, number, ["batch_size", 3, "height", "width"]),
            helper.make_tensor_value_info("mask", number, ["batch_size", 1, "height", "width"]),
        ],
        [helper.make_tensor_value_info("result", number, None)],
        [
            helper.make_tensor("white", TensorProto.FLOAT, [1], [255.0]),
            helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5]),
            helper.make_tensor("sides", TensorProto.INT64, [2], [2, 3]),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
