"""Finds out which colour space the numbers of a picture are in, by one order of precedence.

`colour` converts to sRGB.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from deepart_assets.imaging.unsupported import Unsupported

Model = Literal["gray", "RGB", "CMYK", "Lab"]
"""What the channels of a picture mean, as imagecodecs names it."""

ASSUMED = "sRGB, assumed"

_SIGNATURES: dict[bytes, Model] = {
    b"GRAY": "gray",
    b"RGB ": "RGB",
    b"CMYK": "CMYK",
    b"Lab ": "Lab",
}
"""Colour spaces in the header of an ICC profile."""

_D65, _DCI, _C = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
_SRGB = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
_ADOBE = (0.640, 0.330, 0.210, 0.710, 0.150, 0.060)

_PRIMARIES: dict[int, tuple[str, Sequence[float], tuple[float, float]]] = {
    1: ("BT.709", _SRGB, _D65),
    4: ("BT.470 M", (0.67, 0.33, 0.21, 0.71, 0.14, 0.08), _C),
    5: ("BT.601, 625 lines", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65),
    6: ("BT.601, 525 lines", (0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    7: ("SMPTE 240M", (0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    8: ("film", (0.681, 0.319, 0.243, 0.692, 0.145, 0.049), _C),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65),
    11: ("DCI P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _DCI),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _D65),
    22: ("EBU 3213", (0.630, 0.340, 0.295, 0.605, 0.155, 0.077), _D65),
}
"""Name, xy of red, green and blue, and white point of the colour primaries of ITU-T H.273."""

_UNSPECIFIED = 2
_SRGB_TRANSFER = 13
_BT709_TRANSFERS = {1, 6, 14, 15}
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of ITU-T H.273."""

_STEPS = 4096
"""Entries of a tabulated curve."""


@dataclass(frozen=True)
class ColourTags:
    """What a file says of its colours."""

    cicp: tuple[int, int] | None = None
    """Colour primaries and transfer characteristics of ITU-T H.273, from cICP or nclx."""
    icc: bytes | None = None
    is_srgb: bool = False
    """By an sRGB chunk or an enumerated colour space."""
    is_ycc: bool = False
    """Whether sYCC, by an enumerated colour space."""
    is_cmyk: bool = False
    """Whether inks, by an enumerated colour space."""
    exif: Literal["sRGB", "Adobe RGB"] | None = None
    gamma: float | None = None
    """The exponent that the file was encoded with, such as 1 / 2.2."""
    chromaticities: tuple[float, ...] | None = None
    """xy of white, red, green and blue."""


@dataclass(frozen=True)
class Colour:
    """The colour space of a picture."""

    label: str
    """Name and origin, such as "Adobe RGB by EXIF"."""
    profile: bytes | None = None
    """The ICC profile to convert to sRGB with; None: the numbers are sRGB."""
    warnings: tuple[str, ...] = ()


def resolve(tags: ColourTags, model: Model) -> Colour:
    """Return the colour space of a picture.

    The first of these that a file has counts: cICP or nclx (unless unspecified), an ICC profile
    that can be used, sRGB by name, EXIF, gAMA and cHRM. Else sRGB is assumed.

    Raises:
        Unsupported: It has a high dynamic range (PQ, HLG), or a colour space that is not known.
    """
    coded = None if tags.cicp == (_UNSPECIFIED, _UNSPECIFIED) else tags.cicp
    if coded is None and tags.icc and (inside := _cicp_of_profile(tags.icc)) is not None:
        coded = inside if inside[1] in _HDR else None
    if coded is not None:
        return _by_cicp(*coded)
    warnings: list[str] = []
    if tags.icc:
        found, fault = profile_model(tags.icc)
        if found == model or (model, found) == ("gray", "RGB"):
            return Colour(f"{_described(tags.icc)} by its ICC profile", tags.icc)
        if found is not None:
            fault = f"is one for {found} and not for {model}"
        warnings.append(f"its ICC profile {fault} and is ignored")
    if tags.is_srgb or tags.exif == "sRGB":
        return Colour(f"sRGB by {'its tag' if tags.is_srgb else 'EXIF'}", None, tuple(warnings))
    if tags.exif == "Adobe RGB" and model in ("gray", "RGB"):
        profile = _rgb_profile(_ADOBE, _D65, gamma=563 / 256)
        return Colour("Adobe RGB by EXIF", profile, tuple(warnings))
    if model in ("gray", "RGB") and (tags.gamma or tags.chromaticities):
        return _by_numbers(tags.gamma, tags.chromaticities, warnings)
    plain = {"CMYK": "inks without a profile", "Lab": "CIE L*a*b*, D50"}.get(model, ASSUMED)
    return Colour(plain, None, tuple(warnings))


@lru_cache(maxsize=32)
def profile_model(profile: bytes) -> tuple[Model | None, str]:
    """Return what an ICC profile converts from, or None and why it cannot be used."""
    from imagecodecs import cms_transform

    model = _SIGNATURES.get(profile[16:20])
    if model is None:
        return None, "is damaged or of an unusual kind"
    shape = {"gray": (1, 1), "CMYK": (1, 1, 4)}.get(model, (1, 1, 3))
    try:
        pixel = np.zeros(shape, np.uint16)
        cms_transform(pixel, profile, srgb_profile(), colorspace=model, outcolorspace="RGB")
    except Exception:  # littleCMS, or imagecodecs' checks of its arguments
        return None, "is damaged"
    return model, ""


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _by_cicp(primaries: int, transfer: int) -> Colour:
    if transfer in _HDR:
        raise Unsupported(
            f"has a high dynamic range ({_HDR[transfer]})", "export it as sRGB in 8 or 16 bits"
        )
    primaries = 1 if primaries == _UNSPECIFIED else primaries
    transfer = _SRGB_TRANSFER if transfer == _UNSPECIFIED else transfer
    if primaries not in _PRIMARIES or not (
        transfer in _BT709_TRANSFERS or transfer in _GAMMAS or transfer == _SRGB_TRANSFER
    ):
        fault = f"has a colour space that is not known (cICP {primaries}, {transfer})"
        raise Unsupported(fault, "export it as sRGB")
    name, points, white = _PRIMARIES[primaries]
    if transfer == _SRGB_TRANSFER and primaries == 1:
        return Colour("sRGB by cICP")
    if transfer in _GAMMAS:
        gamma = _GAMMAS[transfer]
        curve = f"gamma {gamma:g}" if gamma != 1 else "linear"
        return Colour(f"{name}, {curve}, by cICP", _rgb_profile(points, white, gamma=gamma))
    if transfer == _SRGB_TRANSFER:
        return Colour(f"{name} by cICP", _rgb_profile(points, white, curve=_srgb_curve()))
    label = f"{name}, curve of BT.709, by cICP"
    return Colour(label, _rgb_profile(points, white, curve=_bt709_curve()))


def _by_numbers(
    gamma: float | None, chromaticities: tuple[float, ...] | None, warnings: list[str]
) -> Colour:
    """Return the colour space that gAMA and cHRM describe; near sRGB's, they mean sRGB."""
    white, points = _D65, tuple(_SRGB)
    if chromaticities is not None:
        white, points = (chromaticities[0], chromaticities[1]), chromaticities[2:]
    is_near = np.allclose([*white, *points], [*_D65, *_SRGB], atol=0.002)
    curved = gamma is not None and abs(gamma * 2.2 - 1) > 0.02
    named = " and ".join(
        name for name, value in (("gAMA", gamma), ("cHRM", chromaticities)) if value is not None
    )
    if is_near and not curved:
        return Colour(f"sRGB by {named}", None, tuple(warnings))
    try:
        if gamma is None:
            profile = _rgb_profile(points, white, curve=_srgb_curve())
        else:
            profile = _rgb_profile(points, white, gamma=1 / gamma if curved else 2.2)
    except Exception:  # littleCMS refuses points that make no triangle
        return Colour(ASSUMED, None, (*warnings, f"its {named} is invalid and is ignored"))
    values = [f"gamma {1 / gamma:.3g}"] if gamma is not None else []
    values += [] if is_near else ["its own primaries"]
    return Colour(f"{', '.join(values)} by {named}", profile, tuple(warnings))


def _rgb_profile(
    points: Sequence[float],
    white: tuple[float, float],
    *,
    gamma: float | None = None,
    curve: NDArray[np.float32] | None = None,
) -> bytes:
    from imagecodecs import cms_profile

    red, green, blue = points[0:2], points[2:4], points[4:6]
    return cms_profile(
        "rgb",
        whitepoint=(*white, 1.0),
        primaries=(*red, 1.0, *green, 1.0, *blue, 1.0),
        gamma=gamma,
        transferfunction=curve,
    )


def _srgb_curve() -> NDArray[np.float32]:
    """Return the curve of IEC 61966-2-1, from encoded to linear."""
    x = np.linspace(0, 1, _STEPS)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _bt709_curve() -> NDArray[np.float32]:
    """Return the curve of ITU-R BT.709 and BT.2020, from encoded to linear."""
    x = np.linspace(0, 1, _STEPS)
    return np.where(x < 0.081, x / 4.5, ((x + 0.099) / 1.099) ** (1 / 0.45)).astype(np.float32)


def _described(profile: bytes) -> str:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = " ".join(ImageCms.getProfileDescription(opened).split())
    except Exception:
        name = ""
    return name or "unnamed"


def _cicp_of_profile(profile: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer of an ICC profile's tag "cicp" (ICC.1:2022, 9.2.17)."""
    count = int.from_bytes(profile[128:132], "big")
    for at in range(132, min(132 + 12 * count, len(profile) - 12), 12):
        if profile[at : at + 4] == b"cicp":
            start = int.from_bytes(profile[at + 4 : at + 8], "big")
            if len(profile) >= start + 12:
                return profile[start + 8], profile[start + 9]
    return None
