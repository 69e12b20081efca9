"""Reads the parameters in archives of `torch.jit.save`, without running code that is in them."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from deepart_assets.errors import UnavailableError, first_line

if TYPE_CHECKING:
    import torch


def is_torchscript(data: bytes) -> bool:
    """Return whether a file is an archive of `torch.jit.save`."""
    if data[:2] != b"PK":
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def read_torchscript(data: bytes, name: str) -> dict[str, torch.Tensor]:
    """Return the parameters and buffers in an archive of `torch.jit.save`, by their names.

    `torch.jit.load` would compile and run what is in it. This reads the attributes of its modules
    and nothing else: classes of the archive become plain objects.

    Raises:
        UnavailableError: It is damaged, or its attributes are no tensors and plain values alone.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            [pickled] = [each for each in archive.namelist() if each.endswith("/data.pkl")]
            folder = pickled.removesuffix(".pkl")
            root = _Attributes(
                io.BytesIO(archive.read(pickled)), lambda key: archive.read(f"{folder}/{key}")
            ).load()
    except Exception as error:  # damage makes an unpickler fail in any way
        raise UnavailableError(
            f"{name} ({len(data)} bytes) cannot be read as weights in TorchScript"
            f" ({first_line(error)}): fetch it again"
        ) from error
    return dict(_named(root, ""))


class _Module:
    """A module of an archive: its attributes alone."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.attributes = dict(state)


def _named(module: object, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    import torch

    for name, value in getattr(module, "attributes", {}).items():
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{name}", value
        else:
            yield from _named(value, f"{prefix}{name}.")


class _Attributes(pickle.Unpickler):
    """Reads the pickle of an archive's modules; knows no class and no function but those here."""

    def __init__(self, file: io.BytesIO, storage: Callable[[str], bytes]) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Return a stand-in for a class of the archive, or one of few harmless functions."""
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch.jit._pickle", "restore_type_tag"): lambda value, kind: value,
        }
        if module == "torch" and name.endswith("Storage"):
            return name.removesuffix("Storage")
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return lambda value: value
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is in it")
        return known[module, name]

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """Return the numbers of a storage, in one dimension."""
        import torch

        _, kind, key, _, _ = pid
        dtype = getattr(torch, kind.lower())
        content = bytearray(self._storage(key))
        return torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)


def _tensor(
    numbers: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> torch.Tensor:
    return numbers.as_strided(size, stride, offset)
