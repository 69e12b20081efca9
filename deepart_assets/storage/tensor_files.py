"""Reads tensors in files of weights, without running code that is in them, and writes them."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deepart_assets.compute.memory import is_out_of_memory
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
        if is_out_of_memory(error):
            raise
        if (kind := _unsafe_kind(str(error))) is not None:
            raise UnavailableError(
                f"{name} is {kind}, which holds code; nothing of it was run. Do not load a file of"
                " unknown origin elsewhere; of your own, save the tensors alone, with"
                " torch.save(network.state_dict(), file)"
            ) from error
        # torch's own words advise to read the file with the code that is in it.
        is_pickle = isinstance(error, pickle.UnpicklingError)
        words = "no pickle of tensors alone" if is_pickle else first_line(error)
        raise UnavailableError(
            f"{name} ({len(data)} bytes) cannot be read as weights"
            f" ({words}): it may be cut short; fetch it again"
        ) from error


WRAPPERS = (
    *("params_ema", "params-ema", "G_ema", "g_ema", "params", "model_state_dict", "state_dict"),
    *("model", "net", "netG", "generator"),
)
"""Entries of a checkpoint that hold the tensors, moving averages first; the first counts."""

PREFIXES = ("module.", "netG.", "_orig_mod.", "net.", "generator.")
"""What DataParallel, trainers and `torch.compile` put before all names."""


def _unwrapped(content: Any) -> Any:
    """Return the tensors of a checkpoint, which may be wrapped more than once."""
    for _ in range(4):  # a pickle may hold itself
        wrappers = (w for w in WRAPPERS if isinstance(content, Mapping) and w in content)
        inner = next((content[w] for w in wrappers if isinstance(content[w], Mapping)), None)
        if inner is None:
            break
        content = inner
    return content


def _without_prefixes(tensors: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(tensors)
    while prefix := next((p for p in PREFIXES if all(key.startswith(p) for key in flat)), None):
        flat = {key.removeprefix(prefix): value for key, value in flat.items()}
    return flat


def tensors_in(content: Any, name: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a checkpoint under their names in the network.

    Args:
        content: Tensors by name, or those under one of `WRAPPERS`, with or without some of
            `PREFIXES` before each name.
        name: The file's name, for messages.

    Raises:
        UnavailableError: There are none, or something else is among them.
    """
    import torch

    tensors = _unwrapped(content)
    if not isinstance(tensors, Mapping) or not tensors:
        raise UnavailableError(f"{name} holds no tensors by name: choose a file of a state dict")
    others = [
        str(key)
        for key, value in tensors.items()
        if not (isinstance(key, str) and isinstance(value, torch.Tensor))
    ]
    if others:
        raise UnavailableError(
            f"{name} holds more than tensors ({', '.join(others[:5])}): choose a file of a state"
            " dict"
        )
    return _without_prefixes(tensors)


def to_bytes(
    state: Mapping[str, torch.Tensor], provenance: Mapping[str, str], *, half: bool = False
) -> bytes:
    """Write a state dict as safetensors.

    Args:
        state: float32 tensors by name.
        provenance: Where the weights come from, kept in the file's metadata. Leave dates out:
            equal weights are to give equal bytes.
        half: Store float16, in half the bytes; readers give float32 again. Of a value above
            2^-14 the rounding is at most 2^-11 of it.

    Raises:
        UnavailableError: A value does not fit into float16 (above 65504).
    """
    import torch
    from safetensors.torch import save

    tensors = {name: state[name].detach().cpu().contiguous() for name in sorted(state)}
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise UnavailableError("there are weights that are not finite: train them again")
    if half:
        tensors = {name: value.half() for name, value in tensors.items()}
        large = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
        if large:
            raise UnavailableError(
                f"{large[0]} has values that do not fit into float16: store the weights as float32"
            )
    # One entry: safetensors writes several in an order that changes from call to call.
    return save(tensors, metadata={"provenance": json.dumps(dict(provenance), sort_keys=True)})


def provenance_of(weights: bytes) -> dict[str, str]:
    """Return the origin of weights that `to_bytes` wrote; empty for other files.

    Fetched weights have `source` ("kind:name") and `source_sha256`, and what the source's own file
    tells under names that begin with `origin_`. Trained ones have `stage`, `settings` (JSON),
    `data_set` (data version of the pairs), `torch` and `device`.
    """
    length = int.from_bytes(weights[:8], "little")
    try:
        metadata = json.loads(weights[8 : 8 + length])["__metadata__"]
        found = json.loads(metadata["provenance"])
        return {str(name): str(value) for name, value in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):  # a PyTorch file, or another's
        return {}


def _unsafe_kind(message: str) -> str | None:
    """Return what torch refuses to load without running code, by its message, or None."""
    if "TorchScript" in message:
        return "a TorchScript archive"
    found = re.search(
        r"[Uu]nsupported (?:global|class|operand|GLOBAL)\S*:? (?:GLOBAL )?(\w+\.\S+|\D\S*)", message
    )
    return f"a pickled module or other object ({found[1]})" if found else None


def _is_torch(data: bytes) -> bool:
    """Tell a zip archive or an old bare pickle from safetensors.

    The length of the header, with which safetensors begins, may look like the start of either.
    """
    length = int.from_bytes(data[:8], "little")
    is_safetensors = data[8:9] == b"{" and 8 + length <= len(data)
    return not is_safetensors and (data[:2] == b"PK" or data[:1] == b"\x80")
