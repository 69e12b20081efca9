"""Which number of a TIFF means white: by its tags, its bits, and the numbers that it has."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.unsupported import Unsupported

if TYPE_CHECKING:
    from tifffile import TiffPage

_FLOAT_WHITES = (1.0, 255.0, 65535.0, 4294967295.0)
_MOSTLY = 0.5
"""Share of the values of a float picture above 1 from which on 1 is not white."""
_HARDLY = 0.001
"""Share of the values of a float picture that may be above white: hot pixels, and no data."""


def white_of(page: "TiffPage", tags: dict[int, Any], values: NDArray) -> tuple[float, list[str]]:
    """Return the number that means white, and what to warn of."""
    kind, bits = values.dtype.kind, page.bitspersample
    if kind == "b" or (kind == "u" and bits <= 8):
        return 1.0 if kind == "b" else (1 << bits) - 1, []
    brightest = float(np.nanmax(values, initial=0, where=np.isfinite(values)))
    tagged = _tagged_white(tags)
    if kind == "f":
        return _float_white(values, brightest, tagged)
    warnings = []
    if kind == "i":
        if values.min(initial=0) < 0:
            raise Unsupported("has negative numbers", "export it without a sign")
        bits -= 1
        warnings.append("its numbers have a sign; the largest possible one is taken for white")
    top = (1 << bits) - 1
    if (
        tagged is not None
        and tagged >= brightest
        and tagged in {(1 << n) - 1 for n in range(8, bits)}
    ):
        return tagged, [f"it uses {int(tagged).bit_length()} of its {bits} bits, as its tags say"]
    whites = [white for white in _FLOAT_WHITES[1:] if white < top]
    whites = whites if bits > 16 else whites[:1]  # of 7 bits none
    if (white := next((white for white in whites if 0 < brightest <= white), None)) is not None:
        bits_used = int(white).bit_length()
        return white, [*warnings, f"its numbers have {bits} bits but seem to be of {bits_used}"]
    return top, [*warnings, *range_warning(brightest, top)]


def range_warning(brightest: float, top: float) -> list[str]:
    """Warn of a picture whose brightest number is below a quarter of the range."""
    if not 0 < brightest < top / 4:
        return []
    return [f"it uses only 1/{int(top // brightest)} of its range and may be too dark"]


def _tagged_white(tags: dict[int, Any]) -> float | None:
    """Return the largest sample value by SMaxSampleValue or MaxSampleValue."""
    value = tags.get(341, tags.get(281))
    if value is None:
        return None
    return float(max(value) if isinstance(value, tuple) else value)


def _float_white(
    values: NDArray, brightest: float, tagged: float | None
) -> tuple[float, list[str]]:
    warnings = []
    if not np.isfinite(values).all():
        warnings.append("some of its pixels are not a number (black) or infinite (black or white)")
    if brightest <= 1:
        return 1.0, [*warnings, *range_warning(brightest, 1)]

    def share_above(top: float) -> float:
        return float(((values > top) & (values < np.inf)).mean())

    over = share_above(1)
    if over < _MOSTLY and share_above(255 / 4) <= _HARDLY:
        share = f"{over:.0%}" if over >= 0.005 else "some"
        return 1.0, [*warnings, f"{share} of its numbers are above 1 and become white"]
    whites = (*([] if tagged is None else [tagged]), *_FLOAT_WHITES[1:])
    white = next((each for each in whites if share_above(each) <= _HARDLY), brightest)
    return white, [*warnings, f"{white:g} is taken for white"]
