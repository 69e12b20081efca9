"""Reads a generator's weights in every published layout, and writes them as safetensors."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError, first_line
from deepart_assets.outpainting.comodgan.layouts import (
    Arrays,
    filled_up,
    from_tensorflow,
    from_torch,
)
from deepart_assets.outpainting.comodgan.pickles import read_networks
from deepart_assets.outpainting.comodgan.spec import SMALLEST, Spec
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.responses import looks_like_html

if TYPE_CHECKING:
    from deepart_assets.outpainting.comodgan.generator import Generator

Shape = tuple[int, ...]

_WRAPPERS = ("G_ema", "g_ema", "params_ema", "state_dict", "model")
"""Keys under which PyTorch files store the tensors; moving averages come first."""
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


@dataclass(frozen=True, eq=False)
class Weights:
    """A generator's weights.

    Attributes:
        tensors: float32 arrays with the names and shapes of `generator_shapes`.
        spec: The sizes.
        provenance: Where they come from; see `to_bytes`.
    """

    tensors: dict[str, NDArray[np.float32]] = field(repr=False)
    spec: Spec
    provenance: dict[str, str]


def read_weights(file: Path) -> Weights:
    """Read a generator from an official pickle, a PyTorch or a safetensors file.

    No code in the file is run. The provenance is that stored in the file if the project wrote it;
    otherwise it has `layout` ("tensorflow", "zeng" or "shgan"), `resolution`, `source_sha256` and,
    for tensors that the layout lacks, `estimated`: "w_avg", "noise_const".

    Raises:
        UnavailableError: The file does not exist, or does not contain a generator's tensors alone.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(512)
    except OSError as error:
        raise UnavailableError(
            f"{file} cannot be read ({error.strerror}): set the weights' path to a file of a"
            " CoModGAN generator"
        ) from None
    if looks_like_html(head):
        raise UnavailableError(
            f"{file} is a web page, not weights: a log-in or warning page was saved in their place;"
            " download the file again in a browser"
        )
    own: dict[str, str] = {}
    if head[:2] == b"PK" or head.startswith(_LEGACY_TORCH):
        layout, arrays = from_torch(_read_torch(file))
    elif head[8:9] == b"{":
        found, own = _read_safetensors(file)
        layout, arrays = from_torch(found)
    else:
        layout, arrays = "tensorflow", from_tensorflow(read_networks(file)[2])
    estimated = filled_up(arrays)
    spec = spec_of({name: value.shape for name, value in arrays.items()}, str(file))
    provenance = own or {
        "layout": layout,
        "resolution": str(spec.resolution),
        "source_sha256": sha256_of_file(file),
    }
    if estimated:
        provenance["estimated"] = ", ".join(estimated)
    return Weights(_checked(arrays, file), spec, provenance)


def to_bytes(
    tensors: Mapping[str, Any], provenance: Mapping[str, str], *, half: bool = False
) -> bytes:
    """Write a generator's tensors as safetensors.

    Args:
        tensors: Arrays or torch tensors with the names of `generator_shapes`.
        provenance: Where they come from, for the file's metadata. Must not contain dates: equal
            weights give equal bytes.
        half: Whether to store float16 instead of float32.

    Raises:
        UnavailableError: A value does not fit into float16 (above 65504).
    """
    from safetensors.numpy import save

    kind = np.float16 if half else np.float32
    with np.errstate(over="ignore"):
        arrays = {name: np.asarray(tensors[name], kind, order="C") for name in sorted(tensors)}
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise UnavailableError(
                f"{name} has values that are not finite in {value.dtype}: store the weights as"
                " float32, or train them again"
            )
    # A single entry: safetensors writes several in varying order.
    return save(arrays, metadata={"provenance": json.dumps(dict(provenance), sort_keys=True)})


def build_generator(weights: Weights, **options: bool) -> Generator:
    """Build the network with its weights, in evaluation mode on the CPU.

    Args:
        weights: Its weights.
        options: Options of `Generator`.
    """
    import torch

    from deepart_assets.outpainting.comodgan.generator import Generator

    with torch.device("meta"):
        network = Generator(weights.spec, **options)
    network = network.to_empty(device="cpu")
    state = {name: torch.from_numpy(np.array(value)) for name, value in weights.tensors.items()}
    network.load_state_dict(state)
    return network.eval()


def generator_shapes(spec: Spec) -> dict[str, Shape]:
    """Return name and shape of every tensor of a generator, including noise and the mean of w."""
    import torch

    from deepart_assets.outpainting.comodgan.generator import Generator

    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in Generator(spec).state_dict().items()}


def spec_of(shapes: Mapping[str, Shape], name: str) -> Spec:
    """Infer the sizes from the shapes of a generator's tensors.

    Args:
        shapes: Shape by tensor name.
        name: The file's name, for messages.

    Raises:
        UnavailableError: Tensors are missing or unknown, or have inconsistent shapes.
    """
    sides = [SMALLEST]
    while f"synthesis.b{2 * sides[-1]}.conv1.weight" in shapes:
        sides.append(2 * sides[-1])
    last = "conv" if len(sides) == 1 else "conv1"
    try:
        widths = [shapes["synthesis.b4.conv.weight"][0]]
        widths += [shapes[f"synthesis.b{side}.conv1.weight"][0] for side in sides[1:]]
        latent, code = shapes["mapping.fc0.weight"][0], shapes["encoder.b4.fc.weight"][0]
        spec = Spec(sides[-1], tuple(widths), latent, code)
        expected = generator_shapes(spec)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise UnavailableError(
            f"{name} holds no CoModGAN generator ({error} up to synthesis.b{sides[-1]}.{last}):"
            " choose a file of a CoModGAN, or fetch it again if it may be cut short"
        ) from error
    missing = sorted(expected.keys() - shapes.keys())
    unknown = sorted(shapes.keys() - expected.keys())
    wrong = sorted(key for key in expected.keys() & shapes.keys() if expected[key] != shapes[key])
    if not missing and not unknown and not wrong:
        return spec
    faults = [f"{missing[0]} is missing ({len(missing)} in all)"] if missing else []
    faults += [f"{unknown[0]} is not known ({len(unknown)} in all)"] if unknown else []
    faults += [f"{key} is {shapes[key]} instead of {expected[key]}" for key in wrong[:1]]
    raise UnavailableError(
        f"{name} does not fit a CoModGAN of {spec.resolution} pixels: {'; '.join(faults)}; choose"
        " another file, or fetch it again if it may be cut short"
    )


# --- reading -------------------------------------------------------------------------------------


def _read_torch(file: Path) -> Arrays:
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's message suggests running the code in the file
        raise UnavailableError(
            f"{file} holds more than tensors, or is damaged; it is not read, as such a file can run"
            " code, and nothing of it was run. Take a file of a state dict, or weights as"
            " safetensors"
        ) from error
    except Exception as error:  # damage makes an unpickler fail in any way
        raise _damaged(file, error) from error
    for _ in range(3):
        wrapper = next((key for key in _WRAPPERS if _is_wrapped(content, key)), None)
        if wrapper is None:
            break
        content = content[wrapper]
    if not isinstance(content, Mapping):
        raise UnavailableError(f"{file} holds no tensors by name: choose a CoModGAN's state dict")
    tensors = {
        str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)
    }
    if tensors and all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return {name: value.detach().float().numpy() for name, value in tensors.items()}


def _is_wrapped(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(key), Mapping)


def _read_safetensors(file: Path) -> tuple[Arrays, dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise _damaged(file, error) from error
    try:
        own = json.loads(metadata["provenance"])
        return arrays, {str(name): str(value) for name, value in own.items()}
    except (KeyError, ValueError, AttributeError):  # another's file
        return arrays, {}


def _damaged(file: Path, error: Exception) -> UnavailableError:
    words = first_line(error)
    return UnavailableError(
        f"{file} ({file.stat().st_size} bytes) cannot be read as weights ({words}): it may be cut"
        " short; fetch it again"
    )


def _checked(arrays: Arrays, file: Path) -> dict[str, NDArray[np.float32]]:
    found = {}
    for name, value in arrays.items():
        if value.dtype.kind != "f" or not np.isfinite(value).all():
            raise UnavailableError(
                f"{file} is damaged: {name} holds what is no finite number; fetch it again"
            )
        found[name] = value.astype(np.float32)
    return found
