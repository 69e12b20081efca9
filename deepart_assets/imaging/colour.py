"""Converts pixels of any depth, palette, transparency or ICC profile to 8-bit sRGB."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_TOPS = (1.0, 255.0, 65535.0, 4294967295.0)
"""Values that may be white."""

_PLAIN = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


def plain(image: Image.Image) -> Image.Image:
    """Convert to 8 bits per channel in mode L, LA, RGB, RGBA or CMYK.

    Palettes are resolved, a transparent colour becomes an alpha channel, Lab and YCbCr become RGB.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image)
        if image.mode == "I" and values.min(initial=0) < 0:
            values = values.view(np.uint32)  # Pillow reads unsigned values as signed
        return Image.fromarray(eight_bit(values))
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in _PLAIN:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode == "RGBa" else "LA" if image.mode == "La" else "RGB")


def eight_bit(values: NDArray) -> NDArray[np.uint8]:
    """Scale values of any type to uint8 in [0, 255].

    White is the smallest of 1 (floats only), 255, 65535 and 4294967295 that no value exceeds.
    Negative values and NaN become 0.
    """
    if values.dtype == np.uint8:
        return values
    is_float = np.issubdtype(values.dtype, np.floating)
    brightest = np.nanmax(values, initial=0, where=np.isfinite(values)) if values.size else 0
    tops = _TOPS if is_float else _TOPS[1:]
    top = next((top for top in tops if brightest <= top), float(brightest))
    scaled = np.multiply(values, 255 / top, dtype=np.float32)
    np.nan_to_num(scaled, copy=False, nan=0, posinf=255, neginf=0)
    return np.clip(scaled + np.float32(0.5), 0, 255, out=scaled).astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a `plain` image to sRGB by its ICC profile, and composite it over white.

    A damaged or unsuitable profile is ignored.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha is not None:
        image = image.convert(image.mode[:-1])
    # `convert` would copy an RGB image.
    colour = _by_profile(image, profile) or (image if image.mode == "RGB" else image.convert("RGB"))
    if alpha is not None:
        white = Image.new("RGB", colour.size, "white")
        colour = Image.composite(colour, white, alpha)
    return colour


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
