"""Which network the feature loss looks with, and where its weights are.

Belongs here: finding and verifying VGG19's weights, and the choice where they cannot be had. Does
not belong here: the losses themselves (`losses`, BasicSR's PerceptualLoss).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.places import project_path
from deepart_assets.settings.training import EfficientNetLoss, FeatureLoss, VggLoss
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.transfer import ATTEMPTS, Address

_KEY = "super_resolution.art_esrgan.train.perceptual_opt"

_ORIGIN = "VGG19's file"

FEW_ATTEMPTS = 2
"""At a download that one can do without: a machine that is offline should not wait for minutes."""


@dataclass(frozen=True)
class FeatureNetwork:
    """The network of a feature loss.

    Attributes:
        name: For the records.
        options: BasicSR's options of the loss.
        file: Of its weights, where the loss needs one.
        sha256: Of that file.
        reason: Why it is not the one asked for.
    """

    name: str
    options: Mapping[str, Any]
    file: Path | None = None
    sha256: str | None = None
    reason: str | None = None

    @property
    def version(self) -> str:
        """What a training depends on."""
        return f"{self.name} {self.sha256 or ''}".strip()


def find_feature_network(loss: FeatureLoss, downloads: Downloads | None = None) -> FeatureNetwork:
    """Find the network that the options ask for, or the one to fall back on.

    Args:
        loss: The options.
        downloads: Fetches weights that have an address; None: they cannot be had.

    Raises:
        UnavailableError: VGG19's weights cannot be had and there is no fallback, or their hash is
            another.
    """
    if isinstance(loss, EfficientNetLoss):
        return _efficientnet(loss)
    options = loss.model_dump(exclude={"weights", "sha256", "fallback"})
    try:
        file, found = _file(loss, downloads)
    except UnavailableError as error:
        if loss.fallback is None:
            raise UnavailableError(
                f"VGG19's weights cannot be had ({error}): set {_KEY}.weights to a file"
                f" vgg19-{loss.sha256[:8]}.pth, or {_KEY}.fallback to another loss"
            ) from error
        return _efficientnet(loss.fallback, f"VGG19's weights cannot be had ({error})")
    _verify(found, loss.sha256, str(file))
    return FeatureNetwork("VGG19", options, file, found)


def _verify(found: str, digits: str, shown: str) -> None:
    if not found.startswith(digits):
        raise UnavailableError(
            f"{shown} has the SHA-256 {found}, which does not begin with {digits}: get it again,"
            f" or correct {_KEY}.sha256 if this file is meant"
        )


def _efficientnet(loss: EfficientNetLoss, reason: str | None = None) -> FeatureNetwork:
    return FeatureNetwork("EfficientNet-Lite0", loss.model_dump(), reason=reason)


def _file(loss: VggLoss, downloads: Downloads | None) -> tuple[Path, str]:
    """Return the file and its SHA-256; a download's is known and not computed again."""
    if "://" not in loss.weights:
        file = project_path(loss.weights)
        if not file.is_file():
            raise UnavailableError(f"there is no file {file}")
        return file, sha256_of_file(file)
    if downloads is None:
        raise UnavailableError("nothing is downloaded here")
    download = Download(
        name=f"vgg19/{Path(urlsplit(loss.weights).path).name}",
        origin=_ORIGIN,
        locate=lambda session: Address(loss.weights),
        remedy=f"check the network, or set {_KEY}.weights to a local copy",
        check=lambda file: _verify(sha256_of_file(file), loss.sha256, _ORIGIN),
        sha256=loss.sha256 if len(loss.sha256) == 64 else None,
        sha256_key=f"{_KEY}.sha256",
        attempts=ATTEMPTS if loss.fallback is None else FEW_ATTEMPTS,
    )
    fetched = downloads.fetch(download)
    return fetched.path, fetched.sha256
