"""Reads a generator's weights in every published layout, and writes them as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.errors import UnavailableError
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
from deepart_assets.storage.tensor_files import provenance_of, read_tensors, tensors_in

if TYPE_CHECKING:
    import torch

    from deepart_assets.outpainting.comodgan.generator import Generator

Shape = tuple[int, ...]

_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""With which PyTorch's files began before they were zip archives; the official pickles do not."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A generator's weights.

    Attributes:
        tensors: float32 arrays with the names and shapes of `generator_shapes`.
        spec: The sizes.
        provenance: Where they come from; see `storage.tensor_files.to_bytes`.
    """

    tensors: dict[str, NDArray[np.float32]] = field(repr=False)
    spec: Spec
    provenance: dict[str, str]

    def state(self) -> dict[str, torch.Tensor]:
        """Return the tensors as a state dict."""
        import torch

        return {name: torch.from_numpy(np.array(value)) for name, value in self.tensors.items()}


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
    own: dict[str, str] = {}
    is_torch = head.startswith((b"PK", _LEGACY_TORCH))
    if is_torch or head[8:9] == b"{" or looks_like_html(head):
        data = file.read_bytes()
        own = provenance_of(data)
        tensors = tensors_in(read_tensors(data, str(file)), str(file))
        floats = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        layout, arrays = from_torch({k: v.detach().numpy() for k, v in floats.items()})
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
    network.load_state_dict(weights.state())
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


def _checked(arrays: Arrays, file: Path) -> dict[str, NDArray[np.float32]]:
    found = {}
    for name, value in arrays.items():
        if value.dtype.kind != "f" or not np.isfinite(value).all():
            raise UnavailableError(
                f"{file} is damaged: {name} contains values that are not finite; fetch it again"
            )
        found[name] = value.astype(np.float32)
    return found
