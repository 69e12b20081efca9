"""Tells a damaged JPEG by libjpeg's own warnings, which Pillow does not pass on."""

import re

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
"""Markers of frames of progressive JPEG."""

_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end")
_HARMLESS = re.compile(r"bad ICC|: [1-8] extraneous bytes before marker 0xd9")
"""Padding before the end, which some cameras write, and a profile that is then not used."""


def with_end(data: bytes) -> bytes:
    """Return a JPEG with an end marker, without which Pillow takes a whole one for cut off."""
    return data if data.endswith(_END) or not data.startswith(_START) else data + _END


def _has_all_scans(data: bytes) -> bool:
    """Return whether a progressive JPEG ends with its last scan, and any other JPEG.

    libjpeg does not warn of scans that are missing whole: the picture is only coarse. Together the
    scans must send each of the 64 coefficients of each component to its last bit (ITU-T T.81, G).
    """
    at, components = 2, 0
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in (b"", b"\xda"):
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _PROGRESSIVE:
            components = data[at + 9] if at + 9 < len(data) else 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
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
    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(
            with_end(data),
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
