"""Files of weights: every naming of an RRDBNet's keys, spandrel's architectures, their origin.

Weights travel through the pipeline as the bytes of a safetensors file, an RRDBNet's with basicsr's
names, and with where they come from in its metadata. Files of other people are read without running
code in them (`weights_only`).
"""

from deepart_assets.super_resolution.weights.files import (
    load_network,
    provenance_of,
    read_network,
    read_state,
    to_bytes,
    with_provenance,
)
from deepart_assets.super_resolution.weights.interpolation import interpolate
from deepart_assets.super_resolution.weights.namings import Spec, spec_of
from deepart_assets.super_resolution.weights.sources import fetch_network, fetch_weights

__all__ = [
    "Spec",
    "fetch_network",
    "fetch_weights",
    "interpolate",
    "load_network",
    "provenance_of",
    "read_network",
    "read_state",
    "spec_of",
    "to_bytes",
    "with_provenance",
]
