"""Converts pixels of any depth, palette, transparency or colour space to 8-bit sRGB.

`colour_space` finds out which colour space it is.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepart_assets.imaging.colour_space import Model, profile_model, srgb_profile
from deepart_assets.imaging.strips import in_strips

_PLAIN = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


def plain(image: Image.Image) -> Image.Image:
    """Convert an image of 8 bits per channel to mode L, LA, RGB, RGBA or CMYK.

    Palettes are resolved, a transparent colour becomes an alpha channel, YCbCr becomes RGB.
    """
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in _PLAIN:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode == "RGBa" else "LA" if image.mode == "La" else "RGB")


def model_of(image: Image.Image) -> Model:
    """Return what the channels of an image mean, without alpha."""
    if image.mode == "CMYK":
        return "CMYK"
    return "gray" if image.mode[:1] in ("L", "1", "I", "F") else "RGB"


def full_range(values: NDArray, white: float) -> NDArray:
    """Scale values in [0, white] to the full range of 8 bits, or of 16 where 8 are too few.

    What is below 0 or above white is cut, and what is no number becomes 0.
    """
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    target: type[np.uint8] | type[np.uint16] = np.uint16
    if values.dtype.kind in "ui" and white <= 255:
        target = np.uint8
    top = np.iinfo(target).max
    if white == top and values.dtype == target:
        return values
    deep = np.float64 if values.dtype.itemsize > 2 else np.float32

    def scale(strip: NDArray) -> NDArray:
        scaled = np.multiply(strip, top / white, dtype=deep)
        np.nan_to_num(scaled, copy=False, nan=0, posinf=top, neginf=0)
        np.clip(scaled + 0.5, 0, top, out=scaled)
        return scaled.astype(target)

    return in_strips(scale, values)


def cut(values: NDArray) -> NDArray[np.uint8]:
    """Reduce 16 bits to 8, rounding; 8 bits stay as they are."""
    if values.dtype == np.uint8:
        return values
    return in_strips(
        lambda strip: ((strip.astype(np.uint32) + 128) // 257).astype(np.uint8), values
    )


def to_8bit_srgb(values: NDArray, model: Model, profile: bytes | None) -> NDArray[np.uint8]:
    """Convert to sRGB (`to_deep_srgb`) and then to 8 bits: uint8, H×W×3."""
    if values.dtype == np.uint8:  # littleCMS prepares much for each array of 8 bits
        return cut(to_deep_srgb(values, model, profile))
    return in_strips(lambda strip: cut(to_deep_srgb(strip, model, profile)), values)


def to_deep_srgb(values: NDArray, model: Model, profile: bytes | None) -> NDArray:
    """Convert to sRGB without cutting 16 bits.

    Args:
        values: uint8 or uint16, H×W×channels, full range. Lab is encoded as in ICC
            profiles of version 4.
        model: What the channels mean.
        profile: The ICC profile; None: they are sRGB, inks without a profile, or Lab.

    Returns:
        uint8 or uint16, H×W×3.
    """
    if profile is None:
        if model == "CMYK":
            light = np.iinfo(values.dtype).max - values.astype(np.uint32)
            rgb = light[..., :3] * light[..., 3:]
            top = int(np.iinfo(values.dtype).max)
            return np.asarray(((rgb + top // 2) // top).astype(values.dtype))
        if model == "Lab":
            return _converted(values, "Lab", _lab_profile())
        return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values
    if model == "gray" and profile_model(profile)[0] == "RGB":
        values, model = np.repeat(values, 3, axis=2), "RGB"
    return _converted(values, model, profile)


def _converted(values: NDArray, model: Model, profile: bytes) -> NDArray:
    from imagecodecs import CMS, cms_transform

    # littleCMS's shortcuts are good for colours in 8 bits; of greys in a linear profile and of 16
    # bits they lose up to ten levels.
    is_common = values.dtype == np.uint8 and model in ("RGB", "CMYK")
    return cms_transform(
        np.ascontiguousarray(values[..., 0] if model == "gray" else values),
        profile,
        srgb_profile(),
        colorspace=model,
        outcolorspace="RGB",
        outdtype=None if is_common else "uint16",
        flags=None if is_common else CMS.FLAGS.NOOPTIMIZE,
    )


def _lab_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a `plain` image to sRGB by its ICC profile, and composite it over white."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha is not None:
        image = image.convert(image.mode[:-1])
    if profile is not None:
        values = np.asarray(image)
        values = values[..., None] if values.ndim == 2 else values
        colour = Image.fromarray(to_8bit_srgb(values, model_of(image), profile))
    else:  # `convert` would copy an RGB image
        colour = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is not None:
        white = Image.new("RGB", colour.size, "white")
        colour = Image.composite(colour, white, alpha)
    return colour
