"""Converts the tensors of published generators to the names and axes that the project uses.

Three layouts, all with weights before the run-time scaling of the equalised learning rate:

* `tensorflow`: the variables of the official network. Axes are height, width, input, output; the
  weights of upsampling convolutions are rotated by 180°; the bias of a style is stored minus 1.
* `zeng`: zengxianyu/co-mod-gan-pytorch. Modulated weights have a leading axis of 1; constant noise
  and the mean of w are missing. Its converted official files are supported; networks trained with
  it are not, since its block has no skip at 4×4.
* `shgan`: SH-GAN and MI-GAN. It has the names of `weights.generator_shapes`, which are the
  project's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.outpainting.comodgan.spec import MAPPING_LAYERS

Arrays = dict[str, NDArray[Any]]

LARGEST_SIDE = 1024
MEAN_SAMPLES = 4096
"""Number of z from which a missing mean of w is estimated."""

_FIXED = re.compile(r"(\.kernel|\.resample_filter|(^|/)lod)$")
"""Tensors that are not weights: the resampling filter, and the progress of a growing network."""


def from_tensorflow(variables: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the official network's variables under our names; unknown names are unchanged."""
    found: Arrays = {}
    for name, value in variables.items():
        if not _FIXED.search(name):
            ours = _of_tensorflow(name)
            found[ours or name] = _axes_of_tensorflow(name, value) if ours else value
    return found


def from_torch(tensors: Mapping[str, NDArray[Any]]) -> tuple[str, Arrays]:
    """Return the name of a PyTorch file's layout, and its tensors under our names."""
    tensors = {name: value for name, value in tensors.items() if not _FIXED.search(name)}
    if not any(name.startswith("G_synthesis.") for name in tensors):
        return "shgan", dict(tensors)
    found: Arrays = {}
    for name, value in tensors.items():
        ours = _of_zeng(name)
        found[ours or name] = _axes_of_zeng(ours, value) if ours else value
    return "zeng", found


def filled_up(tensors: Arrays) -> list[str]:
    """Add tensors that a layout lacks: an estimated mean of w, and random constant noise.

    Both are deterministic.

    Args:
        tensors: Tensors under our names; modified in place.

    Returns:
        What was added, of "w_avg" and "noise_const".
    """
    added = []
    random = np.random.Generator(np.random.PCG64(0))
    try:
        if "mapping.w_avg" not in tensors:
            tensors["mapping.w_avg"] = _mean_of_w(tensors, random)
            added.append("w_avg")
    except (KeyError, ValueError):
        return added  # not a generator; `spec_of` reports what is missing
    drawn = False
    for name in [each for each in tensors if each.endswith(".noise_strength")]:
        constant = name.replace(".noise_strength", ".noise_const")
        side = re.match(r"synthesis\.b(\d{1,4})\.", name)
        if side and int(side[1]) <= LARGEST_SIDE and constant not in tensors:
            shape = (int(side[1]), int(side[1]))
            tensors[constant] = random.standard_normal(shape).astype(np.float32)
            drawn = True
    return [*added, "noise_const"] if drawn else added


def _mean_of_w(tensors: Arrays, random: np.random.Generator) -> NDArray[np.float32]:
    # In float64, so that the rounded mean does not depend on a machine's order of summation.
    x = random.standard_normal((MEAN_SAMPLES, tensors["mapping.fc0.weight"].shape[1]))
    x /= np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-8)
    for k in range(MAPPING_LAYERS):
        weight = tensors[f"mapping.fc{k}.weight"].astype(np.float64)
        bias = tensors[f"mapping.fc{k}.bias"].astype(np.float64)
        x = x @ weight.T * (0.01 / np.sqrt(weight.shape[1])) + bias * 0.01
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    return np.asarray(x.mean(axis=0), dtype=np.float32)


# --- TensorFlow ----------------------------------------------------------------------------------

_TF_LAYERS = {
    "FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Conv": "conv", "Dense0": "fc",
    "Dense": "fc", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb",
}  # fmt: skip
_TF_TENSORS = {"mod_weight": "affine.weight", "mod_bias": "affine.bias"}


def _of_tensorflow(name: str) -> str | None:
    if name == "dlatent_avg":
        return "mapping.w_avg"
    if found := re.fullmatch(r"mapping/Dense(\d+)/(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}"
    if found := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        number = int(found[1])
        # 0 belongs to 4×4; 2k - 5 and 2k - 4 belong to the two convolutions of side 2^k.
        layer = "b4.conv" if number == 0 else f"b{1 << (number + 5) // 2}.conv{(number + 1) % 2}"
        return f"synthesis.{layer}.noise_const"
    found = re.fullmatch(r"synthesis/([EG])_(\d+)x\2/(\w+)/(\w+)", name)
    if not found or found[3] not in _TF_LAYERS:
        return None
    part = "encoder" if found[1] == "E" else "synthesis"
    return f"{part}.b{found[2]}.{_TF_LAYERS[found[3]]}.{_TF_TENSORS.get(found[4], found[4])}"


def _axes_of_tensorflow(name: str, value: NDArray[Any]) -> NDArray[Any]:
    if name.endswith("/mod_bias"):
        return value + np.ones((), value.dtype)
    if re.search(r"/noise\d+$", name) and value.ndim == 4:
        return value[0, 0]
    if not name.endswith("weight"):
        return value
    if name.endswith("/Conv0_up/weight"):
        value = value[::-1, ::-1]
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


# --- zengxianyu ----------------------------------------------------------------------------------

_ZENG_MODULATED = {
    "conv.weight": "weight", "activate.bias": "bias", "bias": "bias", "noise.weight":
    "noise_strength", "conv.modulation.weight": "affine.weight",
    "conv.modulation.bias": "affine.bias",
}  # fmt: skip
_ZENG_PLAIN = {"0.weight": "weight", "1.weight": "weight", "1.bias": "bias", "2.bias": "bias"}


def _of_zeng(name: str) -> str | None:
    if found := re.fullmatch(r"G_mapping\.G_mapping\.Dense(\d+)\.(weight|bias)", name):
        return f"mapping.fc{found[1]}.{found[2]}"
    found = re.fullmatch(r"G_synthesis\.(?:(E)\.|G_)(\d+)x\2(?:_0)?\.(\w+)\.(.+)", name)
    if not found or found[3] not in _TF_LAYERS:
        return None
    part = "encoder" if found[1] else "synthesis"
    if found[3] in ("Dense0", "Dense"):
        tensor = found[4] if found[4] in ("weight", "bias") else None
    else:
        tensor = (_ZENG_PLAIN if found[1] else _ZENG_MODULATED).get(found[4])
    return tensor and f"{part}.b{found[2]}.{_TF_LAYERS[found[3]]}.{tensor}"


def _axes_of_zeng(ours: str, value: NDArray[Any]) -> NDArray[Any]:
    if value.ndim == 5 and value.shape[0] == 1:
        return value[0]
    if ours.endswith("torgb.bias"):
        return value.reshape(-1)
    if ours.endswith("noise_strength") and value.size == 1:
        return value.reshape(())
    return value
