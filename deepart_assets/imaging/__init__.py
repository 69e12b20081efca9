"""Reads, writes, resizes and previews pictures as arrays.

Unless stated otherwise, a picture is sRGB uint8, H×W×3, and a mask is float32, H×W, in [0, 1] with
1 = subject.
"""

from deepart_assets.imaging.codec import (
    decode_grey,
    decode_rgb,
    decode_rgba,
    encode_ids,
    encode_jpeg,
    encode_png,
    text_of,
)
from deepart_assets.imaging.geometry import depth, fit_within, resize, working_size
from deepart_assets.imaging.hashing import (
    hamming,
    hash_to_hex,
    hashes_from_hex,
    perceptual_hash,
)
from deepart_assets.imaging.picture_file import FORMATS, MAX_PIXELS, PictureFile
from deepart_assets.imaging.preview import (
    column_sheet,
    contact_sheet,
    grouped_mosaic,
    mosaic,
    over_checkerboard,
    preview_uri,
)

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "PictureFile",
    "column_sheet",
    "contact_sheet",
    "decode_grey",
    "decode_rgb",
    "decode_rgba",
    "depth",
    "encode_ids",
    "encode_jpeg",
    "encode_png",
    "fit_within",
    "grouped_mosaic",
    "hamming",
    "hash_to_hex",
    "hashes_from_hex",
    "mosaic",
    "over_checkerboard",
    "perceptual_hash",
    "preview_uri",
    "resize",
    "text_of",
    "working_size",
]
