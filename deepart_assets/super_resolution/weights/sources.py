"""Fetches ready-made RRDBNet weights."""

from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.weights import PublishedWeights
from deepart_assets.storage import sha256_of
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.weights import WeightsFinder
from deepart_assets.super_resolution.weights.files import provenance_of, read_state, to_bytes

FINDER = WeightsFinder(
    key="super_resolution.psnr_weights",
    content="an RRDBNet",
    folder=PROJECT / "data" / "models",
    suffix="weights",
    otherwise="train the weights (super_resolution.psnr_weights.kind: train)",
    check=lambda file, name: read_state(file.read_bytes(), name),
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
    found = FINDER.find(settings, downloads)
    data = found.path.read_bytes()
    origin = {f"origin_{key}": value for key, value in provenance_of(data).items()}
    provenance = {**origin, "source": found.source, "source_sha256": sha256_of(data)}
    return to_bytes(read_state(data, found.shown), provenance)
