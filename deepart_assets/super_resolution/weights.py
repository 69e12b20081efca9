"""Files of RRDBNet weights: every naming of their keys, safetensors, published files on Drive.

Belongs here: recognising, renaming, checking, reading and writing state dicts. Does not belong
here: running or training the network.

Weights travel through the pipeline as the bytes of a safetensors file with basicsr's names, and
with where they come from in its metadata. Files of other people are read without running code in
them (`weights_only`).
"""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import DriveWeights
from deepart_assets.storage.answers import looks_like_a_page
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.drive import drive_download
from deepart_assets.super_resolution.network import build

if TYPE_CHECKING:
    import torch
    from torch import nn

    State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Spec:
    """What the shapes of an RRDBNet's weights say about it."""

    features: int
    blocks: int
    growth: int
    scale: int


# --- reading and writing -------------------------------------------------------------------------


def to_bytes(state: Mapping[str, torch.Tensor], provenance: Mapping[str, str]) -> bytes:
    """Write a state dict in basicsr's naming as safetensors.

    Args:
        state: float32 tensors by name.
        provenance: Where the weights come from, kept in the file's metadata. Leave dates out:
            equal weights are to give equal bytes.
    """
    from safetensors.torch import save

    tensors = {name: state[name].detach().cpu().contiguous() for name in sorted(state)}
    # One entry: safetensors writes several in an order that changes from call to call.
    return save(tensors, metadata={"provenance": json.dumps(dict(provenance), sort_keys=True)})


def provenance_of(weights: bytes) -> dict[str, str]:
    """Return what `to_bytes` was told of where weights come from; empty for other files."""
    length = int.from_bytes(weights[:8], "little")
    try:
        metadata = json.loads(weights[8 : 8 + length]).get("__metadata__", {})
        return dict(json.loads(metadata.get("provenance", "{}")))
    except ValueError:  # a PyTorch file
        return {}


def read_state(data: bytes, name: str) -> State:
    """Read an RRDBNet ×4 from a safetensors or PyTorch file in any of its namings.

    Args:
        data: The bytes of the file.
        name: The file's name, for messages.

    Returns:
        float32 tensors on the CPU under basicsr's names.

    Raises:
        UnavailableError: It is no file of weights, or of another network; says which and why.
    """
    return canonical_state(_read_tensors(data, name), name)


def load_network(weights: bytes, name: str = "the weights") -> nn.Module:
    """Build the network that a file of weights belongs to, in evaluation mode on the CPU.

    Raises:
        UnavailableError: As `read_state`.
    """
    state = read_state(weights, name)
    net = build(spec_of(state))
    net.load_state_dict(state)
    return net.eval()


def _read_tensors(data: bytes, name: str) -> Mapping[str, Any]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    if looks_like_a_page(data):
        raise UnavailableError(
            f"{name} is a web page, not weights: a log-in or warning page was saved in their place;"
            " download the file again in a browser"
        )
    is_torch = data[:2] == b"PK" or data[:1] == b"\x80"  # zip archive, or the old bare pickle
    try:
        if not is_torch:
            return load(data)
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise UnavailableError(
            f"{name} ({len(data)} bytes) cannot be read as weights"
            f" ({str(error).splitlines()[0]}): it may be cut short; fetch it again"
        ) from error


# --- namings -------------------------------------------------------------------------------------

_OLD_CONVS = {0: "conv_first", 3: "conv_up1", 6: "conv_up2", 8: "conv_hr", 10: "conv_last"}
"""Places of the convolutions in the flat Sequential of the ×4 network that traiNNer saves."""

_NEW_CONVS = {
    "trunk_conv": "conv_body",
    "upconv1": "conv_up1",
    "upconv2": "conv_up2",
    "HRconv": "conv_hr",
}


def canonical_state(content: Mapping[str, Any], name: str) -> State:
    """Unwrap a checkpoint, give it basicsr's names and check it against the network.

    Args:
        content: What the file holds: tensors by name, or those under "params_ema" (preferred) or
            "params", with or without "module." before each name.
        name: The file's name, for messages.

    Returns:
        float32 tensors under basicsr's names.

    Raises:
        UnavailableError: Another network, or another scale than 4.
    """
    import torch

    tensors = content
    for wrapper in ("params_ema", "params"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            tensors = content[wrapper]
            break
    if not isinstance(tensors, Mapping) or not tensors:
        raise _refusal(name, "it holds no tensors by name")
    if not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise _refusal(name, f"it holds more than tensors ({', '.join(list(tensors)[:5])})")
    flat = {key.removeprefix("module."): value for key, value in tensors.items()}
    _refuse_known_others(flat, name)
    if "model.0.weight" in flat:
        renamed = {_from_old(key, name): value for key, value in flat.items()}
    elif any(key.startswith("RRDB_trunk.") for key in flat):
        renamed = {_from_new(key): value for key, value in flat.items()}
    elif "body.0.rdb1.conv1.weight" in flat:
        renamed = flat
    else:
        raise _refusal(name, f"its tensors are named {', '.join(sorted(flat)[:3])}, …")
    state = {key: value.to(torch.float32) for key, value in renamed.items()}
    _check(state, name)
    return state


def spec_of(state: Mapping[str, torch.Tensor]) -> Spec:
    """Read features, blocks, growth and scale from the shapes of a state in basicsr's naming.

    The networks for ×2 and ×1 fold the picture (12 and 48 channels) before the same two
    enlargements, so the input channels tell the scale.
    """
    features, channels = state["conv_first.weight"].shape[:2]
    blocks = {int(key.split(".")[1]) for key in state if key.startswith("body.")}
    growth = state["body.0.rdb1.conv1.weight"].shape[0]
    scale = {3: 4, 12: 2, 48: 1}.get(channels, 0)
    return Spec(features=features, blocks=1 + max(blocks), growth=growth, scale=scale)


def _from_old(key: str, name: str) -> str:
    """`model.1.sub.0.RDB1.conv1.0.weight` to `body.0.rdb1.conv1.weight`, and so on."""
    dense = re.fullmatch(r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\.(weight|bias)", key)
    if dense:
        return "body.{}.rdb{}.{}.{}".format(*dense.groups())
    trunk = re.fullmatch(r"model\.1\.sub\.\d+\.(weight|bias)", key)
    if trunk:
        return f"conv_body.{trunk[1]}"
    flat = re.fullmatch(r"model\.(\d+)\.(weight|bias)", key)
    if flat and int(flat[1]) in _OLD_CONVS:
        return f"{_OLD_CONVS[int(flat[1])]}.{flat[2]}"
    raise _refusal(name, f"{key!r} has no place in the ×4 network; it may be of another scale")


def _from_new(key: str) -> str:
    """`RRDB_trunk.0.RDB1.conv1.weight` to `body.0.rdb1.conv1.weight`, and so on."""
    dense = re.fullmatch(r"RRDB_trunk\.(\d+)\.RDB(\d)\.(.+)", key)
    if dense:
        return "body.{}.rdb{}.{}".format(*dense.groups())
    module, _, rest = key.partition(".")
    return f"{_NEW_CONVS.get(module, module)}.{rest}"


def _refuse_known_others(state: Mapping[str, Any], name: str) -> None:
    if any("conv1x1" in key for key in state):
        raise _refusal(name, "it is ESRGAN+, whose dense blocks have one convolution more")
    if any(key.startswith("f_HR_conv") for key in state):
        raise _refusal(name, "it is SPSR, which has a second branch for gradients")
    if "body.0.weight" in state:
        raise _refusal(name, "it is the compact SRVGG network of Real-ESRGAN")


def _check(state: State, name: str) -> None:
    """Compare names and shapes with the network built from the spec, and refuse NaN."""
    import torch

    needed = {"conv_first.weight", "conv_last.weight", "body.0.rdb1.conv1.weight"}
    if not needed <= state.keys() or any(state[key].ndim != 4 for key in needed):
        raise _refusal(name, "its first or last convolution is missing")
    spec = spec_of(state)
    if spec.scale != 4 or state["conv_last.weight"].shape[0] != 3:
        outputs, inputs = state["conv_last.weight"].shape[0], state["conv_first.weight"].shape[1]
        raise _refusal(
            name,
            f"it takes {inputs} channels and gives {outputs}"
            + (f", the ×{spec.scale} variant" if spec.scale else ""),
        )
    with torch.device("meta"):
        expected = {key: value.shape for key, value in build(spec).state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if found != expected:
        wrong = sorted(key for key in expected | found if expected.get(key) != found.get(key))
        raise _refusal(name, f"{len(wrong)} tensors are missing, spare or misshapen ({wrong[0]})")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise UnavailableError(f"{name} holds values that are not finite: use another file")


def _refusal(name: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{name} does not hold an RRDBNet ×4: {reason}; give weights of ESRGAN's RRDBNet for RGB ×4"
    )


# --- published weights ---------------------------------------------------------------------------


def fetch_drive_weights(settings: DriveWeights, downloads: Downloads) -> bytes:
    """Fetch weights from Google Drive and return them as safetensors bytes.

    Args:
        settings: The file's id and hash.
        downloads: Fetches and keeps the file.

    Raises:
        UnavailableError: Drive cannot be reached, asks to log in, or sends another file.
    """
    name = f"Google Drive's file {settings.file_id}"
    download = drive_download(
        settings.file_id,
        f"drive/{settings.file_id}.weights",
        remedy="check the network and that the file is shared with everyone, or train the weights"
        " (super_resolution.psnr_weights.kind: train)",
        check=lambda file: read_state(file.read_bytes(), name),
        sha256=settings.sha256,
        sha256_key="super_resolution.psnr_weights.sha256",
    )
    fetched = downloads.fetch(download)
    provenance = {"source": f"drive:{settings.file_id}", "source_sha256": fetched.sha256}
    return to_bytes(read_state(fetched.path.read_bytes(), name), provenance)
