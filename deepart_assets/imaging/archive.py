"""TIFF for archives: lossless, with an ICC profile, XMP and resolution, of up to 16 bits."""

import io
import struct

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.colour import cut
from deepart_assets.imaging.colour_space import srgb_profile
from deepart_assets.imaging.geometry import resize
from deepart_assets.imaging.xmp import TIFF_TAG

_PROFILE_DATE = slice(24, 36)
"""Where an ICC profile says when it was made."""


def encode_archive_tiff(
    picture: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    xmp: str,
    software: str,
    dots_per_inch: float | None = None,
) -> bytes:
    """Encode sRGB as TIFF, compressed by deflate; equal arguments give equal bytes.

    Args:
        picture: H×W×3.
        xmp: An XMP packet.
        software: For the tag Software, in ASCII.
        dots_per_inch: Its resolution, if that is known.
    """
    import tifffile

    profile = bytearray(srgb_profile())
    profile[_PROFILE_DATE] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # else of this moment
    packet = xmp.encode()
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        picture,
        photometric="rgb",
        compression="zlib",
        predictor=True,
        iccprofile=bytes(profile),
        software=software,
        metadata=None,
        resolution=None if dots_per_inch is None else (dots_per_inch, dots_per_inch),
        resolutionunit=None if dots_per_inch is None else "INCH",
        extratags=[(TIFF_TAG, 1, len(packet), packet, True)],
    )
    return buffer.getvalue()


def with_depth(
    result: NDArray[np.uint8], original: NDArray[np.uint16], subject: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    """Widen a result to 16 bits, taking the subject from its original.

    Args:
        result: uint8, H×W×3.
        original: Of the same field of view: uint16, h×w×3, any size.
        subject: bool, H×W.

    Returns:
        uint16, H×W×3: the original resized within the subject, where that is what the result
        shows there, within a level; elsewhere the result's levels.
    """
    wanted = resize(original, *result.shape[:2])
    near = np.abs(cut(wanted).astype(np.int16) - result).max(axis=2) <= 1
    deep = result.astype(np.uint16) * np.uint16(257)
    kept = near & subject
    deep[kept] = wanted[kept]
    return deep
