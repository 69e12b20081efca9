"""×4 networks of the architectures that spandrel knows, other than our own RRDBNet."""

from collections.abc import Mapping

import torch
from torch import nn

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError, first_line

prepare()
from spandrel import (  # noqa: E402
    MAIN_REGISTRY,
    ImageModelDescriptor,
    ModelDescriptor,
    ModelTiling,
    UnsupportedModelError,
)


class SpandrelNetwork(nn.Module):
    """A network behind spandrel's call: it pads to the sizes the network takes, crops and clamps.

    Maps float N×3×H×W in [0, 1] to N×3×4H×4W in [0, 1].
    """

    def __init__(self, descriptor: ImageModelDescriptor) -> None:
        """Take a descriptor, whose module becomes part of this one."""
        super().__init__()
        self.descriptor = descriptor
        self.network: nn.Module = descriptor.model.eval()

    def __str__(self) -> str:
        """Return the architecture and what spandrel tells of its size."""
        return " ".join([self.descriptor.architecture.name, *self.descriptor.tags])

    @property
    def tiles(self) -> bool:
        """Whether it is meant to see a picture tile by tile, not as a whole."""
        return self.descriptor.tiling is ModelTiling.SUPPORTED

    @property
    def takes_any_size(self) -> bool:
        """Whether no padding is needed, for any size."""
        return bool(self.descriptor.size_requirements.none)

    def supports(self, dtype: torch.dtype) -> bool:
        """Return whether it may be run in a number format."""
        return {
            torch.float16: self.descriptor.supports_half,
            torch.bfloat16: self.descriptor.supports_bfloat16,
        }.get(dtype, True)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge the pictures one by one, as spandrel does."""
        if batch.shape[0] == 1:
            return self.descriptor(batch)
        return torch.cat([self.descriptor(one) for one in batch.split(1)])


def load_spandrel(tensors: Mapping[str, torch.Tensor], name: str) -> SpandrelNetwork:
    """Build the network that tensors belong to, on the CPU in float32.

    Args:
        tensors: Under their names in the network (`namings.tensors_in`).
        name: The file's name, for messages.

    Raises:
        UnavailableError: spandrel does not know the architecture, or it does not enlarge RGB by 4.
    """
    try:
        found = MAIN_REGISTRY.load(dict(tensors))
    except UnsupportedModelError:
        named = ", ".join(sorted(tensors)[:3])
        raise _refusal(
            name, f"its tensors ({named}, …) are of no architecture that spandrel knows"
        ) from None
    except Exception as error:  # tensors that are missing or misshapen fail in any way
        reason = first_line(error)
        raise _refusal(name, f"spandrel cannot load it ({reason})") from error
    check_enlarges(found, name)
    network = SpandrelNetwork(found).float()
    if not all(bool(torch.isfinite(value).all()) for value in network.parameters()):
        raise UnavailableError(f"{name} holds values that are not finite: use another file")
    return network


def check_enlarges(found: ModelDescriptor, name: str) -> None:
    """Refuse what does not enlarge RGB pictures of anything by 4.

    Raises:
        UnavailableError: It does not; says what it does.
    """
    kind, channels = found.architecture.name, (found.input_channels, found.output_channels)
    if not isinstance(found, ImageModelDescriptor):
        raise _refusal(name, f"it is {kind}, which fills holes")
    if found.purpose == "FaceSR":
        raise _refusal(name, f"it is {kind}, which restores faces alone and invents them")
    if found.scale != 4:
        raise _refusal(name, f"it is {kind} ×{found.scale}")
    if channels != (3, 3):
        takes, gives = channels
        raise _refusal(name, f"it is {kind} that takes {takes} channels and gives {gives}")


def _refusal(name: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{name} is no network for super_resolution.art_esrgan: {reason}; give weights of a ×4"
        " super-resolution network for RGB"
    )
