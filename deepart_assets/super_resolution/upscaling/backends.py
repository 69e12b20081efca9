"""How a ×4 network is executed: what all ways have in common, and eagerly by torch.

OpenVINO is in `openvino_backends`, the choice in `backend_choice`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deepart_assets.super_resolution.weights.spandrel_network import SpandrelNetwork


class Backend(Protocol):
    """Runs a network: float32 N×3×H×W in [0, 1] on `device` to float32 N×3×4H×4W, not clamped."""

    @property
    def device(self) -> torch.device:
        """Where the input has to be."""
        ...

    @property
    def tiles(self) -> bool:
        """Whether pictures are cut into tiles before memory asks for it."""
        ...

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge a batch. The result does not depend on earlier calls."""
        ...


class TorchBackend:
    """Runs a network eagerly, channels last, on the device and in the dtype of its weights."""

    def __init__(self, net: nn.Module) -> None:
        """Take a network in evaluation mode, which stays as it is."""
        first = next(net.parameters())
        self._net, self._dtype = net, first.dtype
        self.device = first.device
        other = of_spandrel(net)
        self.tiles = other is None or other.tiles
        self._channels_last = other is None  # attention cannot view it

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge as `Backend` says."""
        import torch

        with torch.inference_mode():
            layout = torch.channels_last if self._channels_last else torch.contiguous_format
            batch = batch.to(self._dtype).contiguous(memory_format=layout)
            made: torch.Tensor = self._net(batch)
            return made.float()


def of_spandrel(net: nn.Module) -> SpandrelNetwork | None:
    """Return the network if it is one of spandrel's architectures, not our own RRDBNet."""
    # Its module, which takes seconds to import, has been imported if there is one.
    module = sys.modules.get("deepart_assets.super_resolution.weights.spandrel_network")
    return net if module is not None and isinstance(net, module.SpandrelNetwork) else None
