"""Reads the official TensorFlow pickles without TensorFlow and without running their code.

The official files are pickles of three dnnlib networks (G, D, Gs). The standard unpickler executes
Python source stored in them, and any pickle can call arbitrary code. This reader never imports a
name: a short list of names is mapped to classes and functions of this module that only store their
arguments, and any other name is refused. NumPy's objects are not unpickled either: arrays are built
from bytes after their type and size are checked.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError, first_line

LARGEST_FILE = 4_000_000_000
"""In bytes; a published file of 1024 pixels has about a fifth."""
LARGEST_ARRAY = 100_000_000
"""In elements; the largest published tensor has 8.4 million."""
VERSIONS = (2, 3, 4)
"""Supported versions of the state of a dnnlib network."""
DEEPEST = 8
"""Largest depth of nested components; published networks have one level."""

_TYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}

Variables = dict[str, NDArray[Any]]


class _Refused(Exception):
    """The pickle has content that no published file has."""


class _Network:
    """Stands for a dnnlib network; stores its state."""

    state: Mapping[str, Any]

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, Mapping) else {}


class _EasyDict(dict[Any, Any]):
    """Stands for a dict; ignores any other state."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, Mapping):
            self.update(state)


class _Type:
    """Stands for a dtype: its code ("f4") and byte order."""

    def __init__(self, text: Any, *ignored: Any) -> None:
        if text not in _TYPES:
            raise _Refused(f"an array of type {text!r}")
        self.text, self.order = text, "|"

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise _Refused(f"a byte order {order!r}")
        self.order = order

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.text).newbyteorder(self.order)


class _Array:
    """Stands for an array, and builds it from its bytes."""

    value: NDArray[Any]

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type) or not _is_shape(shape):
            raise _Refused("an array without a plain type and shape")
        data = data.encode("latin1") if isinstance(data, str) else data
        elements = np.frombuffer(data, kind.numpy())
        if elements.size != prod(shape):
            raise _Refused(f"{elements.size} elements for the shape {shape}")
        self.value = elements.reshape(shape, order="F" if fortran else "C")


def _is_shape(shape: Any) -> bool:
    whole = isinstance(shape, tuple) and all(isinstance(side, int) and side >= 0 for side in shape)
    return whole and prod(shape) <= LARGEST_ARRAY


def _reconstruct(*ignored: Any) -> _Array:
    return _Array()


def _scalar(kind: Any, data: Any) -> Any:
    array = _Array()
    array.__setstate__((1, (), kind, False, data))
    return array.value[()]


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused(f"an encoding {encoding!r}")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("dnnlib.tflib.network", "Network"): _Network,
    ("dnnlib.util", "EasyDict"): _EasyDict,
    ("dnnlib", "EasyDict"): _EasyDict,
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}
for _package in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _KNOWN[_package, "_reconstruct"] = _reconstruct
    _KNOWN[_package, "scalar"] = _scalar


class _Reader(pickle.Unpickler):
    """An unpickler that accepts only the names in `_KNOWN`."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name."""
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None


def read_networks(file: Path) -> tuple[Variables, Variables, Variables]:
    """Read the variables of G, D and Gs (the average of G) from an official pickle.

    Returns:
        Arrays by variable name, prefixed with "<component>/": "mapping/Dense0/weight",
        "synthesis/noise0", "dlatent_avg".

    Raises:
        UnavailableError: It is not such a pickle, is damaged, or has other content; none of it was
            executed.
    """
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise UnavailableError(
            f"{file} has {size} bytes; the limit is {LARGEST_FILE}: choose a published checkpoint"
        )
    try:
        with file.open("rb") as opened:
            content = _Reader(opened, encoding="latin1").load()
        if not isinstance(content, tuple) or len(content) != 3:
            raise _Refused(f"a {type(content).__name__} in place of the networks G, D and Gs")
        g, d, average = (_variables(network) for network in content)
    except _Refused as error:
        raise UnavailableError(
            f"{file} is not an official CoModGAN pickle: it holds {error}, which is refused, as a"
            " pickle can run code; nothing of it was run. Take the published file, or weights as"
            " safetensors"
        ) from None
    except Exception as error:  # damage makes an unpickler fail in any way
        words = first_line(error)
        raise UnavailableError(
            f"{file} ({size} bytes) cannot be read as a CoModGAN pickle ({words}): it may be cut"
            " short; fetch it again"
        ) from error
    return g, d, average


def _variables(network: Any, depth: int = 0) -> Variables:
    if not isinstance(network, _Network) or depth > DEEPEST:
        raise _Refused(f"a {type(network).__name__} in place of a network")
    state = network.state
    if state.get("version") not in VERSIONS:
        raise _Refused(f"a network of version {state.get('version')!r}")
    found: Variables = {}
    for name, value in state["variables"]:
        if not isinstance(name, str) or not isinstance(value, _Array | np.generic):
            raise _Refused(f"a variable of type {type(value).__name__}")
        found[name] = value.value if isinstance(value, _Array) else np.asarray(value)
    for name, component in state.get("components", {}).items():
        inner = _variables(component, depth + 1)
        found |= {f"{name}/{inside}": value for inside, value in inner.items()}
    return found
