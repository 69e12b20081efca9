"""RRDBNets in ncnn's format: a text of layers (.param) and their weights one after another (.bin).

Belongs here: ncnn's two files and the graph that an RRDBNet is in them. Does not belong here: which
package carries such files (`registry`).

The format is ncnn's "param and model file structure" and "operation param weight table". The graph
is compared layer by layer with that of ESRGAN's figure 4, so that the weights of another network
with as many convolutions are refused, not misread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.network import NetworkSize
from deepart_assets.super_resolution.weights.namings import Spec, State, canonical_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = "7767517"
_HALF, _SINGLE = 0x01306B47, 0
"""What stands before a weight: float16, padded to four bytes; float32. Biases have no such tag."""

Value = float | tuple[float, ...]

_LEAKY: dict[int, Value] = {9: 2.0, 10: (0.2,)}
"""A convolution's own activation: LeakyReLU with this slope."""

_DEFAULTS: dict[str, dict[int, Value]] = {
    # Of a convolution: dilation, stride, quantisation, activation, value of the padding, dynamic.
    "Convolution": {2: 1.0, 3: 1.0, 8: 0.0, 9: 0.0, 10: (), 18: 0.0, 19: 0.0},
    "BinaryOp": {0: 0.0, 1: 0.0},  # addition of two blobs
    "Concat": {0: 0.0},  # along the channels
    "Interp": {3: 0.0, 4: 0.0, 5: 0.0, 6: 0.0},  # no fixed size, corners not aligned
}
_VERTICAL = {11: 1, 12: 2, 13: 3, 14: 4, 15: 4, 16: 4}
"""A convolution's settings that are equal to others unless given: the vertical ones, the pads."""


@dataclass(frozen=True)
class Layer:
    """A layer of a graph without ncnn's Split layers.

    Attributes:
        kind: ncnn's name of its type.
        inputs: The places in the list of the layers whose outputs it takes.
        settings: By ncnn's number, without those that have their default.
    """

    kind: str
    inputs: tuple[int, ...]
    settings: Mapping[int, Value] = field(default_factory=dict)


def read_ncnn(param: str, binary: bytes, name: str) -> State:
    """Read an RRDBNet ×4 from ncnn's files.

    Args:
        param: The text of the .param file.
        binary: The bytes of the .bin file; float16 or float32 weights, float32 biases.
        name: The file's name, for messages.

    Returns:
        float32 tensors on the CPU under basicsr's names.

    Raises:
        UnavailableError: Another network, quantised weights, or a damaged file.
    """
    import torch

    try:
        found = _parse(param)
    except (ValueError, KeyError, IndexError) as error:
        raise _refusal(name, f"its .param file cannot be read ({error})") from error
    convolutions = [layer for layer in found if layer.kind == "Convolution"]
    blocks, rest = divmod(len(convolutions) - 6, 15)
    if blocks < 1 or rest:
        raise _refusal(name, f"it has {len(convolutions)} convolutions, not 6 and 15 a block")
    features, growth = (int(_number(layer.settings.get(0))) for layer in convolutions[:2])
    names, expected = rrdbnet_graph(Spec(features, blocks, growth, scale=4))
    if len(found) != len(expected):
        raise _refusal(name, f"it has {len(found)} layers, not {len(expected)}")
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        if one != other:
            raise _refusal(name, f"its layer {place} is {one}, not {other}")
    state = {}
    reader = _Reader(binary, name)
    for module, layer in zip(names, convolutions, strict=True):
        outputs = int(_number(layer.settings[0]))
        weight = reader.weight(int(_number(layer.settings[6])))
        state[f"{module}.weight"] = torch.from_numpy(weight.reshape(outputs, -1, 3, 3))
        state[f"{module}.bias"] = torch.from_numpy(reader.floats(outputs))
    reader.finish()
    return canonical_state(state, name)


def rrdbnet_graph(size: NetworkSize) -> tuple[list[str], list[Layer]]:
    """Return the graph of an RRDBNet ×4 (ESRGAN, Wang et al. 2018, figure 4) as ncnn has it.

    Returns:
        basicsr's names of the convolutions in their order, and all layers in theirs.
    """
    names: list[str] = []
    layers = [Layer("Input", ())]

    def add(kind: str, inputs: tuple[int, ...], settings: Mapping[int, Value] | None = None) -> int:
        layers.append(Layer(kind, inputs, settings or {}))
        return len(layers) - 1

    def conv(module: str, x: int, inputs: int, outputs: int, *, leaky: bool = False) -> int:
        names.append(module)
        # Outputs, kernel, padding, bias, number of weights.
        settings: dict[int, Value] = {
            0: float(outputs),
            1: 3.0,
            4: 1.0,
            5: 1.0,
            6: 9.0 * inputs * outputs,
        }
        return add("Convolution", (x,), settings | (_LEAKY if leaky else {}))

    def scaled_sum(residue: int, x: int) -> int:
        return add("Eltwise", (residue, x), {0: 1.0, 1: (0.2, 1.0)})

    width, growth = size.features, size.growth
    first = x = conv("conv_first", 0, 3, width)
    for block in range(size.blocks):
        entry = x
        for dense in (1, 2, 3):
            joined, taken = x, [x]
            for step in range(4):
                module = f"body.{block}.rdb{dense}.conv{step + 1}"
                taken.append(conv(module, joined, width + step * growth, growth, leaky=True))
                joined = add("Concat", tuple(taken))
            module = f"body.{block}.rdb{dense}.conv5"
            x = scaled_sum(conv(module, joined, width + 4 * growth, width), x)
        x = scaled_sum(x, entry)
    x = add("BinaryOp", (first, conv("conv_body", x, width, width)))
    for module in ("conv_up1", "conv_up2"):
        enlarged = add("Interp", (x,), {0: 1.0, 1: 2.0, 2: 2.0})  # nearest, ×2
        x = conv(module, enlarged, width, width, leaky=True)
    x = conv("conv_hr", x, width, width, leaky=True)
    conv("conv_last", x, width, 3)
    return names, layers


# --- the .param file -----------------------------------------------------------------------------


def _parse(param: str) -> list[Layer]:
    """Read the layers in their order; a Split is only another name of its input."""
    lines = [line.split() for line in param.splitlines() if line.strip()]
    if not lines or lines[0] != [_MAGIC]:
        raise ValueError(f"it does not begin with {_MAGIC}")
    if len(lines) - 2 != int(lines[1][0]):
        raise ValueError(f"{len(lines) - 2} of {lines[1][0]} layers are there")
    layers: list[Layer] = []
    made_by: dict[str, int] = {}
    for kind, _, inputs, outputs, *rest in lines[2:]:
        first, last = int(inputs), int(inputs) + int(outputs)
        sources = tuple(made_by[blob] for blob in rest[:first])
        if kind == "Split":
            made_by.update(dict.fromkeys(rest[first:last], sources[0]))
            continue
        made_by.update(dict.fromkeys(rest[first:last], len(layers)))
        settings = {} if kind == "Input" else dict(_setting(text) for text in rest[last:])
        layers.append(Layer(kind, sources, _without_defaults(kind, settings)))
    return layers


def _setting(text: str) -> tuple[int, Value]:
    """Read `6=1728`, or an array: `-23310=1,0.2` (its length first) or, newer, `10=0.2,`."""
    key, _, value = text.partition("=")
    numbers = tuple(round(float(part), 6) for part in value.split(",") if part)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{text} is not finite")
    if int(key) <= -23300:
        return -23300 - int(key), numbers[1:]
    return int(key), numbers if "," in value else numbers[0]


def _without_defaults(kind: str, settings: dict[int, Value]) -> dict[int, Value]:
    defaults = dict(_DEFAULTS.get(kind, {}))
    if kind == "Convolution":
        for key, other in _VERTICAL.items():
            defaults[key] = settings.get(other, defaults.get(other, 0.0))
    return {key: value for key, value in settings.items() if defaults.get(key) != value}


def _number(value: Value | None) -> float:
    return value if isinstance(value, float) else 0.0


# --- the .bin file -------------------------------------------------------------------------------


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name, self._at = data, name, 0

    def weight(self, count: int) -> NDArray[np.float32]:
        """Read a tag and so many values."""
        tag = int.from_bytes(self._take(4), "little")
        if tag == _SINGLE:
            return self.floats(count)
        if tag != _HALF:
            raise _refusal(self._name, f"its weights are quantised (tag {tag:#010x})")
        padded = self._take(2 * (count + count % 2))
        return np.frombuffer(padded, "<f2", count).astype(np.float32)

    def floats(self, count: int) -> NDArray[np.float32]:
        return np.frombuffer(self._take(4 * count), "<f4").astype(np.float32)

    def finish(self) -> None:
        if self._at != len(self._data):
            spare = len(self._data) - self._at
            raise _refusal(self._name, f"its .bin file has {spare} bytes too many")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise _refusal(self._name, f"its .bin file ends after {len(self._data)} bytes")
        self._at += count
        return taken


def _refusal(name: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{name} does not hold an RRDBNet ×4 in ncnn's format: {reason}; give the .param and .bin"
        " files of one, whole and not quantised"
    )
