"""Reads TIFF by its own tags: the main picture, its numbers and its colour space.

What is supported stands in `check_supported`; tifffile and imagecodecs decode. `tiff_pages` finds
the main picture.
"""

import math
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.colour import cut, full_range
from deepart_assets.imaging.colour_space import ColourTags, Model
from deepart_assets.imaging.jpeg import check_jpeg
from deepart_assets.imaging.tiff_numbers import encoded_lab, looked_up, unassociated
from deepart_assets.imaging.tiff_pages import main_page, opened_tiff
from deepart_assets.imaging.tiff_white import white_of
from deepart_assets.imaging.unsupported import Unsupported

if TYPE_CHECKING:
    from tifffile import TiffPage

COMPRESSIONS = {
    **{1: "none", 2: "CCITT RLE", 3: "CCITT T.4", 4: "CCITT T.6", 5: "LZW", 6: "JPEG of TIFF 6"},
    **{7: "JPEG", 8: "deflate", 32946: "deflate", 32773: "PackBits", 34925: "LZMA"},
    **{34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC"},
    **{34933: "PNG", 50000: "Zstandard", 34926: "Zstandard", 50001: "WebP", 34927: "WebP"},
    **{50002: "JPEG XL", 52546: "JPEG XL"},
}
"""Supported compressions by their number; the decoder of JPEG XR crashes at damaged data."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _CIELAB, _ICCLAB = (
    *(0, 1, 2, 3, 5, 6, 8, 9),
)
_MODELS: dict[int, Model] = {
    **{_WHITE_IS_ZERO: "gray", _BLACK_IS_ZERO: "gray", _CMYK: "CMYK"},
    **{_CIELAB: "Lab", _ICCLAB: "Lab"},
}
_PHOTOMETRIC = {
    4: "a mask",
    10: "ITU Lab colours",
    32803: "the raw data of a camera",
    34892: "the raw data of a camera",
    32844: "LogLuv colours",
    32845: "LogLuv colours",
    34863: "a depth map",
}

_OLD_JPEG, _JPEG = 6, 7
_BY_LIBTIFF = {1, 5, _OLD_JPEG, 8, 32946, 32773}
"""Compressions of YCbCr that libtiff reads and tifffile does not."""

_ICC = 34675


class Raster(NamedTuple):
    """The pixels of a picture in full range."""

    values: NDArray
    """uint8 or uint16, H×W×channels, without alpha."""
    model: Model
    alpha: NDArray[np.uint8] | None
    """H×W."""
    tags: ColourTags
    orientation: int
    warnings: tuple[str, ...]


def read_tiff(data: bytes) -> Raster:
    """Decode the main picture.

    Raises:
        Unsupported: A combination of tags that is not read.
        Exception: It is damaged; tifffile and imagecodecs raise many kinds of errors.
    """
    with opened_tiff(data) as tiff:
        page, warnings = main_page(tiff)
        check_supported(page)
        _check_whole(page, data)
        tags = {tag.code: tag.value for tag in page.tags}
        photometric, channels = int(page.photometric), _channels(page)
        if photometric == _YCBCR and int(page.compression) in _BY_LIBTIFF:
            values = _by_libtiff(data, page)
        else:
            values = _decoded(page)
    alpha = None
    extras = [int(each) for each in page.extrasamples]
    values, others = values[..., :channels], values[..., channels:]
    if photometric == _PALETTE:
        values, white = np.asarray(looked_up(values[..., 0], tags[320])), 65535.0
    else:
        white, found = white_of(page, tags, values)
        warnings += found
    if photometric in (_CIELAB, _ICCLAB):
        pixels: Any = encoded_lab(values, is_icc=photometric == _ICCLAB)
    else:
        pixels = full_range(values, white)
    if photometric == _WHITE_IS_ZERO:
        pixels = np.iinfo(pixels.dtype).max - pixels
    seen = [number for number, kind in enumerate(extras) if kind in (1, 2)]
    if seen and photometric not in (_CIELAB, _ICCLAB):
        opacity = others[..., seen[0]]
        if photometric == _PALETTE:  # as deep as the indexes; the colours have 16 bits
            white = float((1 << int(page.bitspersample)) - 1)
        elif opacity.dtype.kind == "f" and opacity.max(initial=0) <= 1:  # as colours may not be
            white = 1.0
        deep_alpha = full_range(opacity, white)
        if extras[seen[0]] == 1:
            pixels = unassociated(pixels, deep_alpha)
        alpha = cut(deep_alpha)
    if len(extras) > (alpha is not None):
        warnings.append(f"{len(extras) - (alpha is not None)} of its channels are left out")
    model = _MODELS.get(photometric, "RGB")
    colours = ColourTags(icc=tags.get(_ICC), exif=_exif(tags), chromaticities=_points(tags))
    orientation = tags.get(274, 1)
    return Raster(pixels, model, alpha, colours, int(orientation), tuple(warnings))


def _channels(page: "TiffPage") -> int:
    return page.samplesperpixel - len(page.extrasamples)


def check_supported(page: "TiffPage") -> None:
    """Refuse what is not read right, by the tags.

    Supported are grey (also white is zero), palette, RGB, CMYK, YCbCr and L*a*b*; strips and
    tiles, either byte order, interleaved or planes apart; 1 to 16, 24, 32 and 64 bits without a
    sign, floats of 16 to 64 bits; `COMPRESSIONS`; extra channels.

    Raises:
        Unsupported: It is something else.
    """
    photometric, compression = int(page.photometric), int(page.compression)
    remedy = "export it as TIFF in RGB"
    if photometric in _PHOTOMETRIC:
        raise Unsupported(f"has {_PHOTOMETRIC[photometric]}", "develop or export it as RGB")
    channels = {
        _WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3,
        _CIELAB: 3, _ICCLAB: 3,
    }.get(photometric)  # fmt: skip
    if channels is None:
        raise Unsupported(f"has the photometric interpretation {photometric}", remedy)
    if compression not in COMPRESSIONS:
        raise Unsupported(f"has the compression {compression}", "export it with LZW or deflate")
    if _channels(page) != channels:
        fault = f"has {page.samplesperpixel} channels where {channels} are expected"
        raise Unsupported(fault, remedy)
    ink_set = page.tags.get(332)
    if photometric == _CMYK and ink_set is not None and ink_set.value != 1:
        raise Unsupported("has other inks than CMYK", remedy)
    if photometric == _YCBCR and compression != _JPEG:
        planes = int(page.planarconfig) == 2
        if compression not in _BY_LIBTIFF or page.bitspersample != 8 or planes or page.extrasamples:
            raise Unsupported(f"has YCbCr with {COMPRESSIONS[compression]} compression", remedy)
    elif compression == _OLD_JPEG:
        raise Unsupported("has the JPEG compression of TIFF 6", "export it with LZW or deflate")
    _check_numbers(page, photometric, remedy)


def _check_numbers(page: "TiffPage", photometric: int, remedy: str) -> None:
    """Refuse depths and formats of numbers that are not read."""
    if page.imagedepth != 1:
        raise Unsupported("is a volume", remedy)
    bits = page.bitspersample
    if not isinstance(bits, int) or page.dtype is None:
        raise Unsupported("has channels of several depths", remedy)
    is_lab = photometric in (_CIELAB, _ICCLAB)
    if int(page.sampleformat) not in ((1, 2) if is_lab or page.dtype.kind == "i" else (1, 3)):
        raise Unsupported(f"has numbers of format {int(page.sampleformat)}", remedy)
    if is_lab and bits not in (8, 16):
        raise Unsupported(f"has L*a*b* of {bits} bits", remedy)
    if photometric == _PALETTE and bits > 16:
        raise Unsupported(f"has a palette of {bits} bits", remedy)


def _check_whole(page: "TiffPage", data: bytes) -> None:
    """Raise ValueError if strips or tiles are missing, or their JPEG is damaged."""
    if len(page.dataoffsets) < math.prod(page.chunked):
        raise ValueError("strips or tiles are missing")
    tables = page.jpegtables or b""
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if start <= 0 or length <= 0 or start + length > len(data):
            raise ValueError("a strip or tile is missing")
        if page.compression == _JPEG:
            segment = data[start : start + length]
            check_jpeg(tables[:-2] + segment[2:] if tables else segment)


def _decoded(page: "TiffPage") -> NDArray:
    """Return the numbers of a page, H×W×channels."""
    values = np.asarray(page.asarray())
    samples = page.samplesperpixel
    shape = (page.imagelength, page.imagewidth)
    if values.ndim == 2:
        values = values[..., None]
    elif page.axes.startswith("S"):
        values = np.moveaxis(values, 0, -1)
    if values.shape != (*shape, samples):
        raise ValueError(f"its shape is {values.shape}")
    return values


def _by_libtiff(data: bytes, page: "TiffPage") -> NDArray[np.uint8]:
    """Return YCbCr as RGB, not turned."""
    from imagecodecs import tiff_decode

    if len(page.treeindex) > 1:
        raise Unsupported("has YCbCr in a page of its own", "export it as RGB")
    turned = page.tags.get(274)
    if turned is not None:  # libtiff would apply a part of it
        at, order = turned.valueoffset, page.parent.byteorder
        data = data[:at] + struct.pack(f"{order}H", 1) + data[at + 2 :]
    return np.asarray(tiff_decode(data, index=page.index, asrgb=True))[..., :3]


def _exif(tags: dict[int, Any]) -> Any:
    exif = tags.get(34665)
    space = exif.get("ColorSpace") if isinstance(exif, dict) else None
    return {1: "sRGB", 2: "Adobe RGB"}.get(int(space)) if isinstance(space, int) else None


def _points(tags: dict[int, Any]) -> tuple[float, ...] | None:
    """Return white point and primaries, which TIFF keeps as fractions."""
    if 319 not in tags:
        return None
    fractions = (*tags.get(318, (3127, 10000, 3290, 10000)), *tags[319])
    if len(fractions) != 16:
        return None
    pairs = zip(fractions[::2], fractions[1::2], strict=True)
    return tuple(over / max(1, under) for over, under in pairs)
