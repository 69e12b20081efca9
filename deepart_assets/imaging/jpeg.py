"""Tells a damaged JPEG by libjpeg's own warnings, which Pillow does not pass on."""

import re

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_DAMAGE = re.compile(r"Corrupt JPEG data|Premature end")
_HARMLESS = re.compile(r"bad ICC|: [1-8] extraneous bytes before marker 0xd9")
"""Padding before the end, which some cameras write, and a profile that is then not used."""


def with_end(data: bytes) -> bytes:
    """Return a JPEG with an end marker, without which Pillow takes a whole one for cut off."""
    return data if data.endswith(_END) or not data.startswith(_START) else data + _END


def check_jpeg(data: bytes) -> None:
    """Decode a JPEG at an eighth of its size, which reads every bit of it.

    A missing end marker alone is no damage. Kinds that TurboJPEG does not know are not checked.

    Raises:
        ValueError: libjpeg warns of damage; the message is its own.
    """
    import simplejpeg

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
