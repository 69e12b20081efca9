"""Fetches ready-made weights: of the base, an RRDBNet, and of any network in its place."""

from dataclasses import replace

from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.weights import PublishedWeights
from deepart_assets.storage import sha256_of
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.weights import WeightsFinder
from deepart_assets.super_resolution.weights.files import (
    provenance_of,
    read_network,
    read_state,
    to_bytes,
)
from deepart_assets.super_resolution.weights.namings import spec_of

FINDER = WeightsFinder(
    key="super_resolution.psnr_weights",
    content="an RRDBNet",
    folder=PROJECT / "data" / "models",
    suffix="weights",
    otherwise="train the weights (super_resolution.psnr_weights.kind: train)",
    check=lambda file, name: read_state(file.read_bytes(), name),
)

NETWORK_FINDER = WeightsFinder(
    key="super_resolution.art_esrgan",
    content="a ×4 network",
    folder=FINDER.folder,
    suffix="weights",
    otherwise="train it (super_resolution.art_esrgan.kind: train)",
    check=lambda file, name: read_network(file.read_bytes(), name),
)


def fetch_weights(settings: PublishedWeights, downloads: Downloads) -> bytes:
    """Return ready-made weights as the bytes of a safetensors file (float32) with provenance.

    The provenance does not hold the settings: `source` says all of them but the hash to be checked,
    and a file that moves or is checked is still the same, so that nothing after it is made again.

    Args:
        settings: Which weights.
        downloads: Fetches and keeps what is elsewhere.

    Raises:
        UnavailableError: They are unavailable, have another hash, or are not an RRDBNet ×4.
    """
    data, shown, provenance = _found(FINDER, settings, downloads)
    return to_bytes(read_state(data, shown), provenance)


def fetch_network(
    settings: PublishedWeights, downloads: Downloads, key: str = NETWORK_FINDER.key
) -> tuple[bytes, str]:
    """Return the weights of a ×4 network of any architecture, as `fetch_weights`, and what it is.

    `key` is where the settings stand, for messages.

    Raises:
        UnavailableError: As `fetch_weights`, of networks that do not enlarge RGB by 4.
    """
    finder = replace(NETWORK_FINDER, key=key)
    data, shown, provenance = _found(finder, settings, downloads)
    state, network = read_network(data, shown)
    is_ours = "body.0.rdb1.conv1.weight" in state
    return to_bytes(state, provenance), f"RRDBNet {spec_of(state)}" if is_ours else str(network)


def _found(
    finder: WeightsFinder, settings: PublishedWeights, downloads: Downloads
) -> tuple[bytes, str, dict[str, str]]:
    found = finder.find(settings, downloads)
    data = found.path.read_bytes()
    origin = {f"origin_{key}": value for key, value in provenance_of(data).items()}
    return data, found.shown, {**origin, "source": found.source, "source_sha256": sha256_of(data)}
