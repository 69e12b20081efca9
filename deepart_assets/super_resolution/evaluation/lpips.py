"""LPIPS (Zhang et al. 2018) by the authors' package `lpips`, where its backbone is available.

The linear heads come with the package. The backbone's ImageNet weights are torchvision's, which no
package carries; nothing is downloaded here.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.settings.evaluation import Lpips, LpipsNetwork
from deepart_assets.settings.places import project_path
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.downloads import check_sha256
from deepart_assets.super_resolution.evaluation.metrics import inside

if TYPE_CHECKING:
    import torch
    from torch import nn

_FILES: Mapping[LpipsNetwork, str] = {
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "alex": "alexnet-owt-7be5be79.pth",
}
"""The files of torchvision; the name has the first digits of the SHA-256."""

SMALLEST_SIDE = 64
"""Smallest side in pixels without the border: that of the crops the heads were fitted on."""


class LpipsMetric:
    """The perceptual distance of two pictures; lower is closer.

    Raises:
        UnavailableError: The package or the backbone is missing, or the file has another SHA-256.
    """

    def __init__(self, settings: Lpips) -> None:
        self._network = settings.network
        if importlib.util.find_spec("lpips") is None:
            raise UnavailableError(
                "no LPIPS: the package lpips is not installed: pip install 'deepart_assets[lpips]'"
            )
        self._file = _backbone(settings)
        self.version = f"{settings.network} {_verified(self._file, settings)}"
        """The backbone and its SHA-256, which the figures depend on."""

    def __call__(self, made: NDArray[np.uint8], original: NDArray[np.uint8]) -> float | None:
        """Compare two pictures of one size (uint8, H×W×3), without the outermost 4 pixels.

        Returns None below 72 pixels a side.

        Raises:
            UnavailableError: The file of the backbone holds other tensors than torchvision's.
        """
        import torch

        first, second = inside(made), inside(original)
        if min(first.shape[:2]) < SMALLEST_SIDE:
            return None
        with torch.inference_mode():
            return float(self._net(_signed(first), _signed(second)))

    @cached_property
    def _net(self) -> nn.Module:
        import torch

        prepare()
        from lpips import LPIPS

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # lpips passes a deprecated argument to torchvision
            # Random weights, replaced below: without pnet_rand it downloads them.
            net = LPIPS(net=self._network, pnet_rand=True, verbose=False)
        try:
            state = torch.load(self._file, map_location="cpu", weights_only=True)
            backbone = net.net  # its slices keep torchvision's numbers: "slice2.3.squeeze.weight"
            names = {name: f"features.{name.split('.', 1)[1]}" for name in backbone.state_dict()}
            backbone.load_state_dict({name: state[theirs] for name, theirs in names.items()})
        except Exception as error:  # a damaged file makes the unpickler fail in any way
            words = " ".join(str(error).split())[:200]  # what is misshapen is on its second line
            raise UnavailableError(
                f"{self._file} is not torchvision's {_FILES[self._network]} ({words}): fetch"
                " it again"
            ) from error
        return net.eval()


def hub_folder() -> Path:
    """Return what `torch.hub.get_dir` returns, without importing torch.

    Every plan asks for the backbone, and importing torch takes seconds.
    """
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return Path(os.getenv("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub"


def _backbone(settings: Lpips) -> Path:
    name = _FILES[settings.network]
    if settings.path is not None:
        file = project_path(settings.path)
    else:
        file = hub_folder() / "checkpoints" / name
    if not file.is_file():
        raise UnavailableError(
            f"no LPIPS: its backbone {name} is missing: put torchvision's file at {file} or name"
            " it in super_resolution.evaluation.lpips.path"
        )
    return file


def _verified(file: Path, settings: Lpips) -> str:
    """Return the SHA-256 of the file if it is the expected one."""
    found = sha256_of_file(file)
    expected = settings.sha256 or _FILES[settings.network].rsplit("-", 1)[1][:8]
    check_sha256(f"no LPIPS: {file}", found, expected, "super_resolution.evaluation.lpips.sha256")
    return found


def _signed(picture: NDArray[np.uint8]) -> torch.Tensor:
    """Turn uint8 H×W×3 into float32 1×3×H×W in [-1, 1]."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    return pixels.to(torch.float32) / 127.5 - 1
