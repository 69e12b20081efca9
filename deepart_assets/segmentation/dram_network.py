"""DeepLabV2 on ResNet-101 with output stride 8, as trained on the DRAM data set.

Cohen, Newman and Shamir, "Semantic Segmentation in Art Paintings", CGF 2022 (arXiv 2203.03238).

Imports torch at module level; only import it inside functions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deepart_assets import compat
from deepart_assets.errors import UnavailableError
from deepart_assets.storage.tensor_files import read_tensors

CLASSES = 12
"""Background and the things of `settings.dram`."""
RATES = (6, 12, 18, 24)
FEATURES = 2048
PARTS = ("feature_extractor", "classifier")
"""Where a checkpoint has its weights; besides, it has the optimisers' state."""
REMEDY = (
    "Delete it, and it is unpacked again; if that does not help, check"
    " segmentation.segmenter.archive_id"
)


class DeepLabV2(nn.Module):
    """ResNet-101 with dilated third and fourth stages and a sum of four dilated 3×3 classifiers."""

    def __init__(self) -> None:
        super().__init__()
        compat.prepare()
        from torchvision.models import resnet101

        # The stride of stages 3 and 4 becomes dilation 2 and 4: output stride 8.
        self.backbone = resnet101(
            weights=None, replace_stride_with_dilation=[False, True, True], num_classes=1
        )
        self.backbone.fc = nn.Identity()
        self.classifier = nn.ModuleList(
            nn.Conv2d(FEATURES, CLASSES, 3, padding=rate, dilation=rate) for rate in RATES
        )

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return B×2048×⌈H/8⌉×⌈W/8⌉ of ImageNet-normalised B×3×H×W."""
        net = self.backbone
        stem = net.maxpool(net.relu(net.bn1(net.conv1(pictures))))
        return net.layer4(net.layer3(net.layer2(net.layer1(stem))))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the logits, B×12×⌈H/8⌉×⌈W/8⌉, of ImageNet-normalised B×3×H×W."""
        features = self.features(pictures)
        return torch.stack([head(features) for head in self.classifier]).sum(dim=0)


def load_checkpoint(path: Path) -> DeepLabV2:
    """Read a published checkpoint (`feature_extractor` and `classifier`) into a network.

    The file is read as tensors only; nothing in it is executed. `module.` in front of all keys is
    dropped, and the `num_batches_tracked` that frozen normalisation layers lack are filled in.

    Raises:
        UnavailableError: It is damaged, holds code, or is no such checkpoint; the message names the
            file, the first fault and the remedy.
    """
    try:
        content = read_tensors(path.read_bytes(), str(path))
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error
    except UnavailableError as error:
        raise UnavailableError(f"{error}. {REMEDY}") from error
    parts: list[Any]  # their types are checked below
    parts = [content.get(part) if isinstance(content, Mapping) else None for part in PARTS]
    if not all(isinstance(part, Mapping) for part in parts):
        raise UnavailableError(
            f"{path} is not a checkpoint of the DRAM networks: it has no weights under"
            f" {PARTS[0]!r} and {PARTS[1]!r}. {REMEDY}"
        )
    extractor, classifier = (_without_prefix(part, "module.") for part in parts)

    with torch.device("meta"):  # random weights would take a second
        network = DeepLabV2()
    backbone = _without_prefix(extractor, "backbone.")
    weights = {f"backbone.{key}": value for key, value in backbone.items()}
    weights |= {
        key.replace("conv2d_list.", "classifier.", 1): value for key, value in classifier.items()
    }
    for key, value in network.state_dict().items():
        if key.endswith("num_batches_tracked"):
            weights.setdefault(key, torch.zeros((), dtype=value.dtype))
    try:
        network.load_state_dict(weights, strict=True, assign=True)
    except (RuntimeError, AttributeError, TypeError) as error:  # a value may be no tensor
        first = str(error).splitlines()[1:2] or [str(error)]
        raise UnavailableError(
            f"{path} does not fit DeepLabV2 ResNet-101 with {CLASSES} classes:"
            f" {first[0].strip().rstrip('.')}. {REMEDY}"
        ) from error
    return network.float().eval()


def _without_prefix(weights: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    if weights and all(key.startswith(prefix) for key in weights):
        return {key.removeprefix(prefix): value for key, value in weights.items()}
    return dict(weights)
