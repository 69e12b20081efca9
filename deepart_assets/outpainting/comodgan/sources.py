"""Fetches the weights of a CoModGAN generator, and converts published ones once."""

from pathlib import Path

from deepart_assets.outpainting.comodgan.weights import read_weights
from deepart_assets.settings.places import PROJECT, cache_folder, data_root
from deepart_assets.settings.weights import BundledWeights, GeneratorWeights
from deepart_assets.storage import Lake, sha256_of_file
from deepart_assets.storage.downloads import Downloads
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets.storage.weights import WeightsFinder

FINDER = WeightsFinder(
    key="the outpainter's weights",
    content="a CoModGAN generator",
    folder=PROJECT / "data" / "models" / "outpainting",
    suffix="checkpoint",
    otherwise="set the outpainter's weights to a file that you have",
)
FORMAT = 1
"""Version of the conversion; increasing it ignores files converted before."""


def fetch_weights(choice: GeneratorWeights, downloads: Downloads | None = None) -> Path:
    """Return a safetensors file of a generator, for `weights.read_weights`.

    A published file is converted once, into the cache folder, and named by its SHA-256.

    Args:
        choice: Which weights.
        downloads: The download cache; None for the folders of `settings.places`.

    Raises:
        UnavailableError: They are unavailable, have another hash, or are not a generator's.
    """
    downloads = downloads or Downloads(cache_folder(), Lake(data_root()))
    file = FINDER.find(choice, downloads).path
    if isinstance(choice, BundledWeights):
        return file
    kept = Lake(downloads.cache / "comodgan")
    name = f"{sha256_of_file(file)}-{FORMAT}.safetensors"
    if not kept.exists(name):
        downloads.report(f"{file.name}: converting to safetensors")
        weights = read_weights(file)
        kept.write(name, to_bytes(weights.state(), weights.provenance))
    return Path(kept.full_path(name))
