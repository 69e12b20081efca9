"""TIFF for archives: lossless, with an ICC profile, metadata and resolution, of up to 16 bits."""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from deepart_assets.imaging.colour import cut
from deepart_assets.imaging.colour_space import srgb_profile
from deepart_assets.imaging.geometry import resize
from deepart_assets.imaging.metadata import XMP_TAG, PictureMetadata

_PROFILE_DATE = slice(24, 36)
"""Where an ICC profile says when it was made."""

_BYTE, _ASCII = 1, 2
"""Types of TIFF's tags."""

_TEXTS = (ExifTags.Base.ImageDescription, ExifTags.Base.Artist, ExifTags.Base.Software)


def encode_archive_tiff(
    picture: NDArray[np.uint8] | NDArray[np.uint16],
    metadata: PictureMetadata,
    *,
    dots_per_inch: float | None = None,
) -> bytes:
    """Encode sRGB as TIFF, compressed by deflate; equal arguments give equal bytes.

    Args:
        picture: H×W×3.
        metadata: For XMP, and for the tags that EXIF shares with TIFF.
        dots_per_inch: Its resolution, if that is known.
    """
    import tifffile

    packet, tags = metadata.xmp.encode(), dict(metadata.tags)
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        picture,
        photometric="rgb",
        compression="zlib",
        predictor=True,
        iccprofile=_dated_profile(),
        software=tags.pop(ExifTags.Base.Software),
        metadata=None,
        resolution=None if dots_per_inch is None else (dots_per_inch, dots_per_inch),
        resolutionunit=None if dots_per_inch is None else "INCH",
        extratags=[
            *((tag, _ASCII, 0, text, True) for tag, text in tags.items()),
            (XMP_TAG, _BYTE, len(packet), packet, True),
        ],
    )
    return buffer.getvalue()


def converted_to_tiff(data: bytes) -> bytes:
    """Convert a picture file to TIFF, compressed by deflate, with what it says of itself.

    Args:
        data: A file that Pillow reads. It keeps its number of channels; EXIF's orientation is
            applied.
    """
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        # Pillow reads and writes texts as if they were in one byte a letter.
        tags: dict[int, Any] = {
            tag: exif[tag].encode("latin-1") for tag in _TEXTS if isinstance(exif.get(tag), str)
        }
        if packet := image.info.get("xmp"):
            tags[XMP_TAG] = packet
        ImageOps.exif_transpose(image).save(
            buffer,
            "TIFF",
            compression="tiff_adobe_deflate",
            icc_profile=image.info.get("icc_profile")
            or (_dated_profile() if "srgb" in image.info else None),
            exif=b"",
            tiffinfo=tags,
        )
    return buffer.getvalue()


def _dated_profile() -> bytes:
    """Return an ICC profile of sRGB that is the same at each call."""
    profile = bytearray(srgb_profile())
    profile[_PROFILE_DATE] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # else of this moment
    return bytes(profile)


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
