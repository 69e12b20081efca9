"""Finding and verifying the network of the perceptual loss, or the fallback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deepart_assets.errors import NotFetchedError, UnavailableError
from deepart_assets.settings.feature_losses import EfficientNetLoss, FeatureLoss, VggLoss
from deepart_assets.settings.places import project_path
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.downloads import Download, Downloads, check_sha256
from deepart_assets.storage.transfer import ATTEMPTS, Address

_KEY = "super_resolution.art_esrgan.train.perceptual_opt"

FEW_ATTEMPTS = 2
"""Attempts at a download that has a fallback: an offline machine should not wait for minutes."""


@dataclass(frozen=True)
class FeatureNetwork:
    """The network of a perceptual loss.

    Attributes:
        name: Its name in the records.
        options: The options of the loss for BasicSR.
        file: Its weights, if it needs a file.
        sha256: The SHA-256 of that file.
        reason: Why this is the fallback, if it is.
    """

    name: str
    options: Mapping[str, Any]
    file: Path | None = None
    sha256: str | None = None
    reason: str | None = None

    @property
    def version(self) -> str:
        """The version that a training depends on."""
        return f"{self.name} {self.sha256 or ''}".strip()


def find_feature_network(loss: FeatureLoss, downloads: Downloads) -> FeatureNetwork:
    """Find the network of the options, or their fallback.

    A download of another SHA-256 is unavailable as well: the fallback's `reason` says so.

    Args:
        loss: The options of the loss.
        downloads: Fetches weights given by address.

    Raises:
        UnavailableError: The VGG19 weights are unavailable and there is no fallback, or a local
            file has another SHA-256.
    """
    if isinstance(loss, EfficientNetLoss):
        return _efficientnet(loss)
    options = loss.model_dump(exclude={"weights", "sha256", "fallback"})
    try:
        file, found = _file(loss, downloads)
    except NotFetchedError:  # whether a run has to fall back, a look cannot know
        raise
    except UnavailableError as error:
        if loss.fallback is None:
            raise UnavailableError(
                f"the VGG19 weights are unavailable ({error}): set {_KEY}.weights to a file"
                f" vgg19-{loss.sha256[:8]}.pth, or {_KEY}.fallback to another loss"
            ) from error
        return _efficientnet(loss.fallback, f"the VGG19 weights are unavailable ({error})")
    check_sha256(str(file), found, loss.sha256, f"{_KEY}.sha256")
    return FeatureNetwork("VGG19", options, file, found)


def _efficientnet(loss: EfficientNetLoss, reason: str | None = None) -> FeatureNetwork:
    return FeatureNetwork("EfficientNet-Lite0", loss.model_dump(), reason=reason)


def _file(loss: VggLoss, downloads: Downloads) -> tuple[Path, str]:
    """Return the file and its SHA-256, which is known for a download."""
    if "://" not in loss.weights:
        file = project_path(loss.weights)
        if not file.is_file():
            raise UnavailableError(f"there is no file {file}")
        return file, sha256_of_file(file)
    download = Download(
        name=f"vgg19/{Path(urlsplit(loss.weights).path).name}",
        origin="VGG19's file",
        locate=lambda session: Address(loss.weights),
        remedy=f"check the network, or set {_KEY}.weights to a local copy",
        sha256=loss.sha256,
        sha256_key=f"{_KEY}.sha256",
        attempts=ATTEMPTS if loss.fallback is None else FEW_ATTEMPTS,
    )
    fetched = downloads.fetch(download)
    return fetched.path, fetched.sha256
