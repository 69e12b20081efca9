"""Says what a file is that is no picture of a supported format, and what to do with it."""

import importlib.util
import re
from collections.abc import Sequence

EXTRAS = {"HEIF": ("pillow_heif", "heif"), "JXL": ("pillow_jxl", "jxl")}
"""For each format of Pillow that an extra of this package reads: its module and the extra."""

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_EXPORT = "export it as TIFF, PNG or JPEG"
_REPLACE = "replace the file with the picture"
_UNPACK = "unpack it"
_INTACT = "replace the file with an intact one"
_BEFORE_SVG = re.compile(rb"(?s)^(?:<[?!].*?>\s*)+(?=<svg)")
_FILM = b"\x1ae\xdf\xa3"  # of Matroska, in lower case

_KINDS: dict[bytes, tuple[str, str]] = {
    b"<!doctype html": ("a web page", _REPLACE),
    b"<html": ("a web page", _REPLACE),
    b"<svg": ("an SVG drawing", _EXPORT),
    b"<?xml": ("an XML file", _REPLACE),
    b"%pdf": ("a PDF file", "export its picture as TIFF or PNG"),
    b"%!ps": ("a PostScript file", _EXPORT),
    b"pk\x03\x04": ("a zip archive", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"rar!": ("a RAR archive", _UNPACK),
    b"\x1f\x8b": ("a gzip archive", _UNPACK),
    b"8bps": ("a Photoshop file", _EXPORT),
    b"gimp xcf": ("a GIMP file", _EXPORT),
    b"v/1\x01": ("an OpenEXR picture", _EXPORT),
    b"#?radiance": ("a Radiance picture", _EXPORT),
    b"at&tform": ("a DjVu document", _EXPORT),
    b"fujifilmccd-raw": ("a camera's raw file", "develop it"),
    b"ii\xbc\x01": ("a JPEG XR picture", _EXPORT),
    b"\x00\x00\x01\x00": ("an icon", _EXPORT),
    b"simple  =": ("a FITS file", _EXPORT),
    b"p5": ("a PGM picture", _EXPORT),
    b"p6": ("a PPM picture", _EXPORT),
    _FILM: ("a film", "export a frame of it"),
    b"sqlite format": ("a database", _REPLACE),
    # What is read, but could not be opened.
    b"\x89png": ("a PNG picture that is cut off or damaged", _INTACT),
    b"\xff\xd8\xff": ("a JPEG picture that is cut off or damaged", _INTACT),
    b"gif8": ("a GIF picture that is cut off or damaged", _INTACT),
    b"webp": ("a WebP picture that is cut off or damaged", _INTACT),
}
"""First bytes, in lower case: what it is, and the remedy. Those of WebP follow its container's."""


def extra_formats(data: bytes) -> Sequence[str]:
    """Register the plugins of the extras that a file needs, and return their formats."""
    found = _extra_of(data)
    if found is None or importlib.util.find_spec(EXTRAS[found][0]) is None:
        return ()
    if found == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    else:
        import pillow_jxl  # noqa: F401  (registers itself)
    return (found,)


def _extra_of(data: bytes) -> str | None:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS and b"avif" not in data[8:64]:
        return "HEIF"
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JXL"
    return None


def kind_of(data: bytes) -> str:
    """Describe a file that could not be opened, with the remedy."""
    if (needed := _extra_of(data)) is not None:
        kind = {"HEIF": "a HEIC picture", "JXL": "a JPEG XL picture"}[needed]
        module, extra = EXTRAS[needed]
        if importlib.util.find_spec(module) is None:
            return f"{kind}: pip install 'deepart_assets[{extra}]', or {_EXPORT}"
        return f"{kind} that is cut off or damaged: replace the file"
    return ": ".join(_described(data))


def _described(data: bytes) -> tuple[str, str]:
    """Return what a file is by its first bytes, and the remedy."""
    start = data[8 if data[8:12] == b"WEBP" else 0 : 1024]
    start = _BEFORE_SVG.sub(b"", start.lstrip(b"\xef\xbb\xbf \t\r\n").lower())
    for magic, described in _KINDS.items():
        if start.startswith(magic):
            return described
    if data[4:8] == b"ftyp":
        if data[8:12] in (b"avif", b"avis"):
            return "an AVIF picture that is cut off or damaged", "replace the file"
        is_raw = data[8:12] == b"crx "
        return ("a camera's raw file", "develop it") if is_raw else _KINDS[_FILM]
    if data[128:132] == b"DICM":
        return "a DICOM file", _EXPORT
    if b"\0" not in start and start.isascii():
        return "a text", _REPLACE
    return "not a picture in a supported format", f"replace the file, or {_EXPORT}"
