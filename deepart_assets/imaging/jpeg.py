"""Tells a damaged JPEG by libjpeg's own warnings, which Pillow does not pass on."""

import re
from collections.abc import Iterator

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
"""Markers of frames of progressive JPEG."""

_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end")
_HARMLESS = re.compile(r": [1-8] extraneous bytes before marker 0xd9")
"""Padding before the end, which some cameras write."""

_APP2, _ICC = 0xE2, b"ICC_PROFILE\0"
_LOSSLESS, _JPEG_LS = {0xC3, 0xC7, 0xCB, 0xCF}, 0xF7
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of frames; those left out are of tables."""


def with_end(data: bytes) -> bytes:
    """Return a JPEG with an end marker, without which Pillow takes a whole one for cut off."""
    return data if data.endswith(_END) or not data.startswith(_START) else data + _END


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment before the first scan."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in (b"", b"\xda"):
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        start, at = at, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[start + 1], start, at


def unread_kind(data: bytes) -> str | None:
    """Return the kind of a JPEG that no decoder here reads right, or None."""
    if data.startswith(_START):
        for marker, start, _ in _segments(data):
            if marker == _JPEG_LS:
                return "a JPEG-LS picture"
            if marker in _LOSSLESS:
                return "a lossless JPEG"
            if marker in _FRAMES and data[start + 4 : start + 5] == b"\x0c":
                return "a JPEG of 12 bits"
    return None


def _profile_segments(data: bytes) -> list[tuple[int, int]]:
    """Return start and end of each segment of the ICC profile."""
    return [
        (start, end)
        for marker, start, end in _segments(data)
        if marker == _APP2 and data[start + 4 : start + 4 + len(_ICC)] == _ICC
    ]


def has_profile(data: bytes) -> bool:
    """Return whether a JPEG has an ICC profile, be it damaged."""
    return bool(_profile_segments(data))


def _without_profile(data: bytes) -> bytes:
    """Cut the ICC profile out: a warning of it would hide those of the picture."""
    kept, last = [], 0
    for start, end in _profile_segments(data):
        kept.append(data[last:start])
        last = end
    return b"".join((*kept, data[last:]))


def _has_all_scans(data: bytes) -> bool:
    """Return whether a progressive JPEG ends with its last scan, and any other JPEG.

    libjpeg does not warn of scans that are missing whole: the picture is only coarse. Together the
    scans must send each of the 64 coefficients of each component to its last bit (ITU-T T.81, G).
    """
    at, components = 2, 0
    for marker, start, end in _segments(data):
        at = end
        if marker in _PROGRESSIVE:
            components = data[start + 9] if start + 9 < len(data) else 0
    if not components:
        return True
    sent: dict[int, set[int]] = {}
    for found in re.finditer(rb"\xff\xda..([\x01-\x04])", data[at:], re.DOTALL):
        header = data[at + found.end() : at + found.end() + 2 * found[1][0] + 3]
        if len(header) == 2 * found[1][0] + 3 and header[-1] & 15 == 0:
            for component in header[:-3:2]:
                sent.setdefault(component, set()).update(range(header[-3], header[-2] + 1))
    return sum(len(each) == 64 for each in sent.values()) >= components


def check_jpeg(data: bytes) -> None:
    """Decode a JPEG at an eighth of its size, which reads every bit of it.

    A missing end marker alone is no damage. Kinds that TurboJPEG does not know are not checked.

    Raises:
        ValueError: libjpeg warns of damage; the message is its own.
    """
    import simplejpeg

    if not _has_all_scans(data):
        raise ValueError("the last scans of a progressive JPEG are missing")
    data = with_end(_without_profile(data))
    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(
            data,
            "CMYK" if space in ("CMYK", "YCCK") else "GRAY",
            fastdct=True,
            fastupsample=True,
            min_height=1,
            min_width=1,
            min_factor=8,
        )
    except ValueError as error:
        fault = str(error)
        if _DAMAGE.search(fault) and not _HARMLESS.search(fault):
            raise ValueError(fault) from None
