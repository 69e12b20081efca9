"""Files of RRDBNet weights: every naming of their keys, safetensors, where they can be had.

Belongs here: reading and writing (`files`), the namings and the check against the network
(`namings`), ncnn's format (`ncnn`), sources (`sources`, `registry`), mixing two files
(`interpolation`). Does not belong here: running or training the network.

Weights travel through the pipeline as the bytes of a safetensors file with basicsr's names, and
with where they come from in its metadata. Files of other people are read without running code in
them (`weights_only`).
"""

from deepart_assets.super_resolution.weights.files import (
    load_network,
    provenance_of,
    read_state,
    to_bytes,
    with_provenance,
)
from deepart_assets.super_resolution.weights.interpolation import interpolate
from deepart_assets.super_resolution.weights.namings import Spec, spec_of
from deepart_assets.super_resolution.weights.registry import is_installed, registry_weights
from deepart_assets.super_resolution.weights.sources import fetch_weights, version_of

__all__ = [
    "Spec",
    "fetch_weights",
    "interpolate",
    "is_installed",
    "load_network",
    "provenance_of",
    "read_state",
    "registry_weights",
    "spec_of",
    "to_bytes",
    "version_of",
    "with_provenance",
]
