"""Decodes the formats whose pixels Pillow gives whole, and those of more than 8 bits otherwise.

`tiff` reads TIFF.
"""

import io
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.imaging.colour import (
    cut,
    full_range,
    model_of,
    plain,
    to_8bit_srgb,
    to_deep_srgb,
)
from deepart_assets.imaging.colour_space import ColourTags, resolve
from deepart_assets.imaging.containers import (
    boxes,
    boxes_of,
    exif_colour,
    own_exif,
    png_chunks,
    png_tags,
)
from deepart_assets.imaging.jpeg import check_jpeg, has_profile
from deepart_assets.imaging.jpeg_xl import jxl_bits
from deepart_assets.imaging.tiff import Raster, read_tiff
from deepart_assets.imaging.tiff_white import range_warning
from deepart_assets.imaging.unsupported import Unsupported

ORIENTATION = 0x0112
"""The EXIF and TIFF tag."""


class Decoded(NamedTuple):
    """A decoded picture; what is left to do is to turn it and to convert 8 bits to sRGB."""

    image: Image.Image
    """`colour.plain`."""
    profile: bytes | None
    """The ICC profile of the image; None: it is sRGB."""
    orientation: int
    colour: str
    warnings: tuple[str, ...]


def decode(image: Image.Image | None, data: bytes) -> Decoded:
    """Decode a picture.

    Args:
        image: What Pillow opened, perhaps with a `draft` size; it is closed. None for a TIFF, of
            which the main picture is decoded.
        data: The bytes of the file.

    Raises:
        Unsupported: A colour space or depth that is not read.
        Exception: It is damaged.
    """
    if image is None:
        return _finished(read_tiff(data))
    with image:
        frames = getattr(image, "n_frames", 1)
        several = (f"it has {frames} frames, of which the first is taken",) if frames > 1 else ()
        raster, tags = _deep(image, data, several)
        if raster is not None:
            return _finished(raster)
        image.load()
        # EXIF data may follow the pixels.
        icc, orientation = tags.icc or image.info.get("icc_profile"), orientation_of(image)
        colour = resolve(replace(tags, icc=icc, exif=exif_colour(image)), model_of(image))
        made = plain(image)
    return Decoded(made, colour.profile, orientation, colour.label, (*several, *colour.warnings))


def decode_deep(image: Image.Image | None, data: bytes) -> tuple[NDArray[np.uint16], int] | None:
    """Decode a picture of more than 8 bits per channel without cutting it to 8.

    Args:
        image: What Pillow opened, which is closed; None for a TIFF.
        data: The bytes of the file.

    Returns:
        sRGB, H×W×3, and the orientation by EXIF; None where the picture has 8 bits.

    Raises:
        Unsupported: As `decode`.
        Exception: It is damaged.
    """
    raster: Raster | None
    if image is None:
        raster = read_tiff(data)
    else:
        with image:
            raster, _ = _deep(image, data)
    if raster is None or raster.values.dtype == np.uint8:
        return None
    colour = resolve(raster.tags, raster.model)
    values = to_deep_srgb(raster.values, raster.model, colour.profile)
    if raster.alpha is not None:  # over white
        alpha = raster.alpha[..., None].astype(np.uint32)
        values = ((values * alpha + (255 - alpha) * np.uint32(65535) + 127) // 255).astype(
            np.uint16
        )
    return values, raster.orientation


def _finished(raster: Raster) -> Decoded:
    """Leave 8 bits to `to_srgb`; convert others now, before they are cut."""
    colour = resolve(raster.tags, raster.model)
    values, profile = raster.values, colour.profile
    if values.dtype == np.uint8 and raster.model != "Lab":
        mode = {1: "L", 3: "RGB", 4: "CMYK"}[values.shape[2]]
        pixels = np.ascontiguousarray(values[..., 0] if mode == "L" else values)
        image = Image.frombuffer(mode, (values.shape[1], values.shape[0]), pixels.tobytes())
    else:
        image = Image.fromarray(to_8bit_srgb(values, raster.model, profile))
        profile = None
    if raster.alpha is not None:
        if image.mode == "CMYK":  # Pillow has no inks with alpha
            image = Image.fromarray(to_8bit_srgb(values, raster.model, profile))
            profile = None
        image.putalpha(Image.fromarray(np.ascontiguousarray(raster.alpha)))
    warnings = (*raster.warnings, *colour.warnings)
    return Decoded(image, profile, raster.orientation, colour.label, warnings)


def _deep(
    image: Image.Image, data: bytes, warnings: tuple[str, ...] = ()
) -> tuple[Raster | None, ColourTags]:
    """Return the raster of more than 8 bits, None where Pillow's pixels are whole; and the tags."""
    deep, tags = _READERS.get(str(image.format), _no_reader)(image, data)
    if deep is None:
        return None, tags
    values, white, found = deep  # H×W or H×W×channels, of which the last may be alpha
    values = values[..., None] if values.ndim == 2 else values
    has_alpha = values.shape[2] in (2, 4) and not tags.is_cmyk
    alpha = cut(full_range(values[..., -1], white)) if has_alpha else None
    values = full_range(values[..., :-1] if has_alpha else values, white)
    model = "CMYK" if tags.is_cmyk else "gray" if values.shape[2] == 1 else "RGB"
    tags = replace(tags, exif=exif_colour(image))
    warnings = (*found, *warnings)
    return Raster(values, model, alpha, tags, orientation_of(image), warnings), tags  # type: ignore[arg-type]


def orientation_of(image: Image.Image) -> int:
    """Return the orientation that is left to apply: JPEG XL is turned but for a JPEG within."""
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return 1
    try:
        return int(own_exif(image).get(ORIENTATION, 1))
    except Exception:  # damaged EXIF data
        return 1


# --- the formats: each returns pixels of more than 8 bits with their white, and the colour tags ---

_Deep = tuple[Any, float, tuple[str, ...]]
_Read = tuple[_Deep | None, ColourTags]


_DAMAGED_PROFILE = bytes(16) + b"RGB "
"""An empty one for an ICC profile that lacks a part; `resolve` ignores it with a warning."""


def _checked(values: NDArray, white: int) -> _Deep:
    """Return pixels, of several frames the first, with a warning where they are dark."""
    values = values[0] if values.ndim == 4 else values
    return values, white, tuple(range_warning(int(values.max()), white))


def _no_reader(image: Image.Image, data: bytes) -> _Read:
    return None, ColourTags(icc=image.info.get("icc_profile"))


def _read_jpeg(image: Image.Image, data: bytes) -> _Read:
    check_jpeg(data)
    icc = image.info.get("icc_profile")
    if icc is None and has_profile(data):  # Pillow drops one that lacks a part
        icc = _DAMAGED_PROFILE
    return None, ColourTags(icc=icc)


def _read_png(image: Image.Image, data: bytes) -> _Read:
    chunks: dict[bytes, bytes] = {}
    for kind, content in png_chunks(data):
        if kind in (b"IHDR", b"cICP", b"gAMA", b"cHRM", b"sRGB", b"sBIT"):
            chunks.setdefault(kind, bytes(content))
    tags = png_tags(chunks, image.info.get("icc_profile"))
    bits, kind_of_colour = chunks.get(b"IHDR", bytes(13))[8:10]
    transparent = image.info.get("transparency")
    if bits in (2, 4) and kind_of_colour == 0 and isinstance(transparent, int):
        # Pillow scales the pixels to 8 bits, but not the grey that is transparent.
        image.info["transparency"] = transparent * (255 // ((1 << bits) - 1))
    if bits != 16:
        return None, tags
    from imagecodecs import png_decode

    values = png_decode(data)
    colours = values[..., :-1] if values.shape[2:] in ((2,), (4,)) else values
    brightest, bits = int(colours.max(initial=0)), max(chunks.get(b"sBIT", b"\x10"))
    if 8 <= bits < 16 and brightest < 1 << bits:
        # By the specification they would fill the range; some programs write them as they are.
        return (values, (1 << bits) - 1, (f"it uses {bits} of its 16 bits, as sBIT says",)), tags
    return (values, 65535, tuple(range_warning(brightest, 65535))), tags


def _read_jp2(image: Image.Image, data: bytes) -> _Read:
    is_boxed = data[4:8] == b"jP  "
    tags, bits = boxes_of(data) if is_boxed else (ColourTags(), 8)
    at = data.find(b"\xff\x4f\xff\x51")  # the code stream
    depths = set(data[at + 42 : at + 42 + 3 * int.from_bytes(data[at + 40 : at + 42], "big") : 3])
    if len(depths) == 1:
        bits = (depths.pop() & 127) + 1
    # A palette is among the boxes; Pillow looks it up.
    if bits == 8 or (is_boxed and b"pclr" in dict(boxes(memoryview(data)))):
        return None, tags
    if tags.is_ycc:
        raise Unsupported(f"has sYCC of {bits} bits", "export it as RGB")
    from imagecodecs import jpeg2k_decode

    # Without the boxes, as imagecodecs would convert by the profile, and wrongly.
    values = jpeg2k_decode(data[at:])
    if values.dtype.kind == "i":
        raise Unsupported("has numbers with a sign", "export it without")
    return _checked(values, (1 << bits) - 1), tags


def _read_avif(image: Image.Image, data: bytes) -> _Read:
    tags, bits = boxes_of(data)
    if bits <= 8:
        return None, tags
    from imagecodecs import avif_decode

    return _checked(avif_decode(data), (1 << bits) - 1), tags


def _read_heif(image: Image.Image, data: bytes) -> _Read:
    from pillow_heif import open_heif

    nclx = image.info.get("nclx_profile")
    coded = (nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None
    tags = ColourTags(cicp=coded, icc=image.info.get("icc_profile"))
    if image.info.get("bit_depth", 8) <= 8:
        return None, tags
    values = np.asarray(open_heif(io.BytesIO(data), convert_hdr_to_8bit=False))
    return _checked(values, 65535), tags


def _read_jxl(image: Image.Image, data: bytes) -> _Read:
    from imagecodecs import jpegxl_decode

    tags = ColourTags(icc=image.info.get("icc_profile"))
    values = jpegxl_decode(data)
    if values.dtype == np.uint8:
        return None, tags
    if values.dtype.kind == "f":
        return (values[0] if values.ndim == 4 else values, 1.0, ()), tags
    return _checked(values, (1 << jxl_bits(data)) - 1), tags


_READERS = {
    "JPEG": _read_jpeg,
    "MPO": _read_jpeg,
    "PNG": _read_png,
    "JPEG2000": _read_jp2,
    "AVIF": _read_avif,
    "HEIF": _read_heif,
    "JXL": _read_jxl,
}
