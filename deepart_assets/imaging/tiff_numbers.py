"""What the numbers of a TIFF mean: palettes, L*a*b* and premultiplied alpha.

Which number is white is in `tiff_white`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepart_assets.imaging.strips import in_strips


def looked_up(indices: NDArray, colour_map: Any) -> NDArray[np.uint16]:
    """Return the colours of a palette.

    Args:
        indices: Integers, or booleans of 1 bit, H×W.
        colour_map: The tag ColorMap: all reds, then greens, then blues.

    Returns:
        uint16, H×W×3, in the full range.
    """
    table = np.asarray(colour_map, np.uint16).reshape(3, -1).T
    if table.max(initial=0) < 256:  # 8 bits, as old programs write it
        table = table * np.uint16(257)
    return table[indices.astype(np.uint8) if indices.dtype == bool else indices]


def encoded_lab(values: NDArray, *, is_icc: bool) -> NDArray[np.uint16]:
    """Encode L*a*b* as ICC profiles of version 4 do: 0 to 65535, no colour at 32896.

    Args:
        values: Of 8 or 16 bits, H×W×3.
        is_icc: Whether they are ICCLab, without signs; else CIELab, whose a* and b* have signs.

    Returns:
        uint16, H×W×3.
    """
    return in_strips(lambda strip: _encoded_lab(strip, is_icc=is_icc), values)


def _encoded_lab(values: NDArray, *, is_icc: bool) -> NDArray[np.uint16]:
    bits = values.dtype.itemsize * 8
    unsigned = values.view(np.uint8 if bits == 8 else np.uint16).astype(np.float64)
    if is_icc:
        scale = 257.0 if bits == 8 else 65535 / 65280
        return np.clip(unsigned * scale + 0.5, 0, 65535).astype(np.uint16)
    signed = values.view(np.int8 if bits == 8 else np.int16).astype(np.float64)
    step = 1 if bits == 8 else 256
    light = unsigned[..., :1] * (257 if bits == 8 else 1)
    return np.clip(
        np.concatenate([light, (signed[..., 1:] / step + 128) * 257], axis=2) + 0.5, 0, 65535
    ).astype(np.uint16)


def unassociated(pixels: Any, alpha: Any) -> Any:
    """Divide premultiplied values, unsigned integers H×W×channels, by their alpha, H×W."""
    top, opaque = (int(np.iinfo(each.dtype).max) for each in (pixels, alpha))

    def divide(strip: NDArray, alpha: NDArray) -> NDArray:
        share = np.maximum(alpha, 1)[..., None].astype(np.float64) / opaque
        return np.clip(strip / share + 0.5, 0, top).astype(pixels.dtype)

    return in_strips(divide, pixels, alpha)
