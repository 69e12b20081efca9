"""Reads the tensors in files of other people's weights, without running code that is in them."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.storage.responses import looks_like_html

if TYPE_CHECKING:
    import torch


def read_tensors(data: bytes, name: str) -> Mapping[str, Any]:
    """Return what a safetensors file holds, or a PyTorch file of tensors alone.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Raises:
        UnavailableError: It is no such file, is cut short, or could run code.
    """
    import torch
    from safetensors.torch import load

    if looks_like_html(data):
        raise UnavailableError(
            f"{name} is a web page, not weights: a log-in or warning page was saved in their place;"
            " download the file again in a browser"
        )
    try:
        if not _is_torch(data):
            return load(data)
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damage makes an unpickler fail in any way
        if (kind := _unsafe_kind(str(error))) is not None:
            raise UnavailableError(
                f"{name} is {kind}, which holds code and is not run: save the tensors alone, with"
                " torch.save(network.state_dict(), file)"
            ) from error
        # torch's own words advise to read the file with the code that is in it.
        is_pickle = isinstance(error, pickle.UnpicklingError)
        words = "no pickle of tensors alone" if is_pickle else first_line(error)
        raise UnavailableError(
            f"{name} ({len(data)} bytes) cannot be read as weights"
            f" ({words}): it may be cut short; fetch it again"
        ) from error


def _unsafe_kind(message: str) -> str | None:
    """Return what torch refuses to load without running code, by its message, or None."""
    if "TorchScript" in message:
        return "a TorchScript archive"
    found = re.search(r"Unsupported (?:global|class|operand)\S*:? (?:GLOBAL )?(\S+)", message)
    return f"a pickled module or other object ({found[1]})" if found else None


def _is_torch(data: bytes) -> bool:
    """Tell a zip archive or an old bare pickle from safetensors.

    The length of the header, with which safetensors begins, may look like the start of either.
    """
    length = int.from_bytes(data[:8], "little")
    is_safetensors = data[8:9] == b"{" and 8 + length <= len(data)
    return not is_safetensors and (data[:2] == b"PK" or data[:1] == b"\x80")


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
