"""Reads the depth of a JPEG XL picture from the header of its code stream (ISO/IEC 18181-1)."""

from deepart_assets.imaging.containers import boxes

_CODE_STREAM = b"\xff\x0a"
_UNKNOWN = 16


class _Bits:
    """Reads a code stream bit by bit."""

    def __init__(self, stream: bytes) -> None:
        self._left = int.from_bytes(stream, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def number(self, *choices: tuple[int, int]) -> int:
        """Return a number of which two bits choose the offset and the count of bits."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def jxl_bits(data: bytes) -> int:
    """Return the bits of a channel; 16 where they are not found."""
    if not data.startswith(_CODE_STREAM):
        parts = {kind: bytes(content) for kind, content in reversed([*boxes(memoryview(data))])}
        data = parts.get(b"jxlc") or parts.get(b"jxlp", b"")[4:]  # its parts are numbered
    bits = _Bits(data[2:66])
    _skip_size(bits)
    if bits.take(1):  # all as by default
        return 8
    if bits.take(1):
        bits.take(3)  # the orientation
        if bits.take(1):  # the size to show it in
            _skip_size(bits)
        if bits.take(1):  # a preview
            return _UNKNOWN
        if bits.take(1):
            _skip_animation(bits)
    if bits.take(1):  # floats
        return _UNKNOWN
    return bits.number((8, 0), (10, 0), (12, 0), (1, 6))


def _skip_size(bits: _Bits) -> None:
    def side() -> None:
        if is_small:
            bits.take(5)
        else:
            bits.number((1, 9), (1, 13), (1, 18), (1, 30))

    is_small = bits.take(1)
    side()
    if not bits.take(3):  # no ratio of the sides
        side()


def _skip_animation(bits: _Bits) -> None:
    bits.number((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.number((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.number((0, 0), (0, 3), (0, 16), (0, 32))
    bits.take(1)
