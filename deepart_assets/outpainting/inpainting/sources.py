"""Finds the file of an inpainting network: by path, address, hub, Google Drive or package."""

from pathlib import Path

from deepart_assets.outpainting.inpainting.networks import read_network
from deepart_assets.settings.places import PROJECT, cache_folder, data_root
from deepart_assets.settings.weights import InpaintingWeights
from deepart_assets.storage import Lake
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.weights import WeightsFinder

FINDER = WeightsFinder(
    key="the outpainter's weights",
    content="an inpainting network",
    folder=PROJECT / "data" / "models" / "outpainting",
    suffix="weights",
    otherwise="set the outpainter's weights to a file that you have",
    check=lambda file, name: read_network(file.read_bytes(), name),
)


def fetch_network(choice: InpaintingWeights, downloads: Downloads | None = None) -> Path:
    """Return the file of a network, fetched if it is elsewhere.

    Args:
        choice: Which file.
        downloads: The download cache; None for the folders of `settings.places`.

    Raises:
        UnavailableError: It is unavailable or has another hash.
    """
    return FINDER.find(choice, downloads or Downloads(cache_folder(), Lake(data_root()))).path
