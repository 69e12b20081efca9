"""What picture files say beside their pixels: chunks of PNG, boxes of JP2 and AVIF, EXIF."""

import struct
import zlib
from collections.abc import Iterator
from typing import Literal

from PIL import Image

from deepart_assets.imaging.colour_space import ColourTags
from deepart_assets.imaging.unsupported import Unsupported

PNG = b"\x89PNG\r\n\x1a\n"

_COLOUR_SPACE, _INTEROPERABILITY, _EXIF = 0xA001, 0xA005, 0x8769

_ENUMERATED = {16: "sRGB", 17: "grey", 18: "sYCC", 12: "CMYK"}
"""Enumerated colour spaces of ISO/IEC 15444-1 that decoders convert to sRGB, or inks."""


def png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of each chunk of a PNG up to its end.

    Raises:
        ValueError: The checksum of a critical chunk is wrong, which zlib does not always notice.
    """
    view, start = memoryview(data), len(PNG)
    while start + 12 <= len(data):
        length = int.from_bytes(view[start : start + 4], "big")
        kind, end = bytes(view[start + 4 : start + 8]), start + 8 + length
        if kind in (b"IHDR", b"PLTE", b"IDAT") and end + 4 <= len(data):
            found = zlib.crc32(view[start + 4 : end]).to_bytes(4, "big")
            if found != view[end : end + 4]:
                raise ValueError(f"the checksum of {kind.decode()} is wrong")
        yield kind, view[start + 8 : end]
        if kind == b"IEND":
            return
        start = end + 4


def is_whole_png(data: bytes) -> bool:
    """Return whether a file is a PNG that somebody has written to its end."""
    try:
        return data.startswith(PNG) and b"IEND" in dict(png_chunks(data))
    except ValueError:
        return False


def png_tags(chunks: dict[bytes, bytes], icc: bytes | None) -> ColourTags:
    """Return what the chunks of a PNG say of its colours; `icc` is its unpacked profile."""
    cicp = chunks.get(b"cICP", b"")
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big") / 100_000
    points = chunks.get(b"cHRM", b"")
    return ColourTags(
        cicp=(cicp[0], cicp[1]) if len(cicp) >= 2 else None,
        icc=icc,
        is_srgb=b"sRGB" in chunks,
        gamma=gamma or None,
        chromaticities=tuple(each / 100_000 for each in struct.unpack(">8I", points))
        if len(points) == 32
        else None,
    )


def boxes_of(data: bytes) -> tuple[ColourTags, int]:
    """Return what the boxes of a JP2 or AVIF say of its colours and depth.

    The depth is the bits of a channel; 8 if nothing is said.

    Raises:
        Unsupported: A colour space that neither the decoder nor we convert.
    """
    cicp, icc, spaces, bits = None, None, set[int](), 8
    for kind, content in boxes(memoryview(data)):
        if kind == b"colr":
            method = bytes(content[:4]) if content[:4] in (b"nclx", b"prof", b"rICC") else b""
            if method == b"nclx" or (not method and content[0] == 5):
                at = 4 if method else 3
                coded = struct.unpack(">HH", content[at : at + 4])
                cicp = cicp or (coded[0], coded[1])
            elif method or content[0] in (2, 3):
                icc = icc or bytes(content[4 if method else 3 :])
            elif content[0] == 1:
                space = int.from_bytes(content[3:7], "big")
                if space not in _ENUMERATED:
                    fault = f"has the colour space {space} of JPEG 2000"
                    raise Unsupported(fault, "export it as sRGB")
                spaces.add(space)
        elif kind == b"ihdr":
            bits = 8 if content[10] == 255 else (content[10] & 127) + 1
        elif kind == b"pixi":
            bits = max(content[5 : 5 + content[4]], default=8)
    tags = ColourTags(
        cicp=cicp,
        icc=icc,
        is_srgb=bool(spaces & {16, 18}),
        is_ycc=18 in spaces,
        is_cmyk=12 in spaces,
    )
    return tags, bits


_PARENTS = {b"jp2h": 0, b"meta": 4, b"iprp": 0, b"ipco": 0}
"""Boxes that hold others, with the bytes before these."""


def boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and content of each box that holds no others."""
    at = 0
    while at + 8 <= len(view):
        size, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        start = at + 8
        if size == 1:
            size, start = int.from_bytes(view[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else len(view)
        if end < start:
            return
        if kind in _PARENTS:
            yield from boxes(view[start + _PARENTS[kind] : end])
        else:
            yield kind, view[start:end]
        at = end


def own_exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF data, without the orientation that Pillow takes from XMP where it has none.

    Raises:
        Exception: It is damaged.
    """
    exif = image.getexif()  # that of PNG may follow its pixels, and is found by this
    if "Raw profile type exif" not in image.info:  # as ImageMagick writes it in a text of PNG
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))
    return exif


def exif_colour(image: Image.Image) -> Literal["sRGB", "Adobe RGB"] | None:
    """Return the colour space by EXIF; damaged EXIF data says nothing."""
    try:
        exif = image.getexif()
        space = exif.get_ifd(_EXIF).get(_COLOUR_SPACE)
        rule = exif.get_ifd(_INTEROPERABILITY).get(1)
    except Exception:
        return None
    if space == 2 or str(rule or "").strip("\0 ").upper() == "R03":
        return "Adobe RGB"
    return "sRGB" if space == 1 else None
