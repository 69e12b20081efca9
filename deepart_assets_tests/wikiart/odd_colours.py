"""Files with odd numbers, palettes, inks and profiles.

The colours expected are computed here from the definitions, not by the code under test.
"""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms

from deepart_assets_tests.wikiart.odd import (
    HEIGHT,
    QUARTERS,
    WIDTH,
    Odd,
    grey_in_three,
    grey_of,
    over_white,
    painting,
    save,
    save_cv2,
    save_tiff,
)

# --- depths --------------------------------------------------------------------------------------


def depths() -> Iterator[Odd]:
    picture = painting()
    grey = grey_of(picture)
    deep = picture.astype(np.uint16) * 257
    grey_deep = grey[..., 0].astype(np.uint16) * 257
    unit = picture.astype(np.float32) / 255
    yield Odd("grey.jpg", save(grey[..., 0], "JPEG", quality=95), grey, 4)
    yield Odd("grey.png", save(grey[..., 0], "PNG"), grey, 0)
    yield Odd("grey16.png", save(grey_deep, "PNG"), grey, 1)
    yield Odd("grey16.tif", save_tiff(grey_deep), grey, 1)
    yield Odd("grey16_motorola.tif", save_tiff(grey_deep, byteorder=">"), grey, 1)
    yield Odd("rgb16.png", save_cv2(".png", deep), picture, 1)
    yield Odd("rgb16.tif", save_tiff(deep), picture, 1)
    yield Odd("rgb16_lzw.tif", save_cv2(".tiff", deep), picture, 1)
    yield Odd("grey32.tif", save_tiff(grey_deep.astype(np.uint32) * 65537), grey, 1)
    yield Odd("rgb32.tif", save_tiff(deep.astype(np.uint32) * 65537), picture, 1)
    yield Odd("grey_float.tif", save_tiff(unit[..., 0]), grey_in_three(picture[..., 0]), 1)
    yield Odd("grey_float255.tif", save_tiff(unit[..., 0] * 255), grey_in_three(picture[..., 0]), 1)
    yield Odd("rgb_float.tif", save_tiff(unit), picture, 1)
    for name, options in {
        "lzw": {"compression": "lzw", "predictor": 3},
        "deflate": {"compression": "zlib"},
        "tiled": {"tile": (16, 16), "compression": "lzw"},
        "big_endian": {"byteorder": ">"},
    }.items():
        yield Odd(f"rgb_float_{name}.tif", save_tiff(unit, **options), picture, 1)
    planes = np.moveaxis(unit, 2, 0)
    yield Odd("rgb_float_planes.tif", save_tiff(planes, planarconfig="separate"), picture, 1)
    whole = save_tiff(unit)
    yield Odd("half_float.tif", whole[: len(whole) // 2], reason="cannot be decoded")
    yield Odd("rgb_double.tif", save_tiff(unit.astype(np.float64)), picture, 1)
    holes = unit.copy()
    holes[:2] = np.nan
    yield Odd("not_a_number.tif", save_tiff(holes), picture, 1)
    one_bit = grey[..., 0] > 110
    yield Odd("one_bit.png", save(Image.fromarray(one_bit), "PNG"), grey_in_three(one_bit * 255), 0)
    group4 = save(Image.fromarray(one_bit), "TIFF", compression="group4")
    yield Odd("fax.tif", group4, grey_in_three(one_bit * 255), 0)
    lab = ImageCms.profileToProfile(
        Image.fromarray(picture),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    # A step of a* or b* in 8 bits is several steps of a dark channel.
    yield Odd("lab.tif", save(lab, "TIFF"), picture, 12)


# --- palettes and transparency -------------------------------------------------------------------


def palettes_and_alpha() -> Iterator[Odd]:
    picture = painting()
    image = Image.fromarray(picture)
    palette = image.quantize(8)
    grey = grey_of(picture)
    rgba = np.dstack([picture, np.full((HEIGHT, WIDTH), 128, np.uint8)])
    yield Odd("palette.png", save(palette, "PNG"), picture, 1)
    yield Odd("palette.gif", save(palette, "GIF"), picture, 1)
    yield Odd("palette.tif", save(palette, "TIFF"), picture, 1)
    yield Odd("palette.bmp", save(palette, "BMP"), picture, 1)
    blue = picture.copy()
    blue[HEIGHT // 2 :, : WIDTH // 2] = 255
    index = int(np.asarray(palette)[HEIGHT - 4, 4])
    yield Odd("palette_hole.png", save(palette, "PNG", transparency=index), blue, 1)
    yield Odd("palette_hole.gif", save(palette, "GIF", transparency=index), blue, 1)
    half = bytes([128 if n == index else 255 for n in range(8)])
    paler = picture.copy()
    paler[HEIGHT // 2 :, : WIDTH // 2] = over_white(np.array(QUARTERS[2]), 128 / 255)
    yield Odd("palette_alpha.png", save(palette, "PNG", transparency=half), paler, 2)
    yield Odd("key.png", save(image, "PNG", transparency=QUARTERS[2]), blue, 0)
    half_seen = over_white(picture, 128 / 255)
    yield Odd("alpha.png", save(rgba, "PNG"), half_seen, 1)
    yield Odd("alpha.webp", save(rgba, "WEBP", lossless=True), half_seen, 1)
    yield Odd("alpha.tif", save(rgba, "TIFF"), half_seen, 1)
    yield Odd("alpha.bmp", save_cv2(".bmp", rgba), half_seen, 1)
    # Pillow writes the older header, to which the fourth byte means nothing.
    yield Odd("fourth_byte.bmp", save(rgba, "BMP"), picture, 0)
    deep = rgba.astype(np.uint16) * 257
    yield Odd("alpha16.png", save_cv2(".png", deep), half_seen, 1)
    grey_alpha = Image.merge("LA", [Image.fromarray(grey[..., 0]), Image.new("L", image.size, 128)])
    yield Odd("grey_alpha.png", save(grey_alpha, "PNG"), over_white(grey, 128 / 255), 1)
    nothing = np.dstack([picture, np.zeros((HEIGHT, WIDTH), np.uint8)])
    yield Odd("nothing.png", save(nothing, "PNG"), reason="wholly transparent")


# --- inks ----------------------------------------------------------------------------------------


def inks_of(picture: np.ndarray) -> np.ndarray:
    """CMYK without black, 255 = full ink."""
    return np.dstack([255 - picture, np.zeros(picture.shape[:2], np.uint8)])


def cmyk() -> Iterator[Odd]:
    picture = painting()
    cmyk = Image.fromarray(inks_of(picture), "CMYK")
    inverted = save(cmyk, "JPEG", quality=97)
    assert b"Adobe" in inverted
    yield Odd("cmyk.jpg", inverted, picture, 8)
    at = inverted.index(b"\xff\xee")
    length = struct.unpack(">H", inverted[at + 2 : at + 4])[0]
    # Without the marker too the inks are read as Adobe writes them, as browsers do.
    yield Odd("cmyk_unmarked.jpg", inverted[:at] + inverted[at + 2 + length :], picture, 8)
    yield Odd("ycck.jpg", _ycck(picture), picture, 8)
    yield Odd("cmyk.tif", save(cmyk, "TIFF"), picture, 0)
    yield Odd("cmyk_lzw.tif", save(cmyk, "TIFF", compression="tiff_lzw"), picture, 0)


def _ycck(picture: np.ndarray) -> bytes:
    """What Photoshop writes: inverted inks, the first three as YCbCr, transform 2."""
    colours = np.asarray(Image.fromarray(255 - picture).convert("YCbCr"))
    # Pillow inverts what it takes for inks once more, hence 255 less.
    stored = np.dstack([255 - colours, np.zeros(picture.shape[:2], np.uint8)])
    data = bytearray(save(Image.fromarray(stored, "CMYK"), "JPEG", quality=97))
    adobe = data.index(b"Adobe")
    assert data[adobe + 11] == 0
    data[adobe + 11] = 2
    return bytes(data)


# --- profiles ------------------------------------------------------------------------------------


_SRGB = np.array(  # to XYZ under D50: the columns of the sRGB profile of the ICC
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip
_WIDE = np.array(  # Adobe RGB (1998) under D50
    [[0.6097559, 0.2052401, 0.1492240], [0.3111242, 0.6256560, 0.0632197],
     [0.0194811, 0.0608902, 0.7448387]]
)  # fmt: skip
_D50 = (0.9642, 1.0, 0.8249)


def wide_to_srgb(picture: np.ndarray) -> np.ndarray:
    """Adobe RGB's primaries with gamma 2.2 to sRGB (IEC 61966-2-1), by definition."""
    light = (picture / 255) ** 2.2 @ _WIDE.T @ np.linalg.inv(_SRGB).T
    return _srgb_curve(light)


def _srgb_curve(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    curved = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(curved * 255).astype(np.uint8)


def _profile(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A profile of version 2 (ICC.1:2001-04)."""
    text = b"made for a test\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": _xyz(_D50),
        **tags,
    }
    offset = 132 + 12 * len(tags)
    table, body = b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"lcms", 0x02400000, kind, space, pcs)
    header += bytes(12) + b"acsp" + bytes(28) + _xyz(_D50)[8:] + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def _xyz(values) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256)) + bytes(2)


WIDE = _profile(
    b"RGB ",
    b"XYZ ",
    {b"rXYZ": _xyz(_WIDE[:, 0]), b"gXYZ": _xyz(_WIDE[:, 1]), b"bXYZ": _xyz(_WIDE[:, 2])}
    | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(2.2)),
)
LINEAR_GREY = _profile(b"GRAY", b"XYZ ", {b"kTRC": _gamma(1.0)})


def _ink_profile() -> bytes:
    """Inks of which each darkens alike and none has a colour: L* = 100 - 20 (C + M + Y) - 40 K."""
    ramp = bytes(range(256))
    corners = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    lights = [max(0, 100 - 20 * (c + m + y) - 40 * k) for c, m, y, k in corners]
    grid = b"".join(bytes((round(light * 2.55), 128, 128)) for light in lights)
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + grid + ramp * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": table})


INKS = _ink_profile()


def profiles() -> Iterator[Odd]:
    picture = painting()
    image = Image.fromarray(picture)
    wide = wide_to_srgb(picture)
    alpha = Image.new("L", image.size, 128)
    yield Odd("wide.jpg", save(image, "JPEG", quality=95, icc_profile=WIDE), wide, 8)
    yield Odd("wide.png", save(image, "PNG", icc_profile=WIDE), wide, 2)
    yield Odd("wide.tif", save(image, "TIFF", icc_profile=WIDE), wide, 2)
    yield Odd("wide.webp", save(image, "WEBP", lossless=True, icc_profile=WIDE), wide, 2)
    rgba = Image.merge("RGBA", [*image.split(), alpha])
    seen = over_white(wide, 128 / 255)
    yield Odd("wide_alpha.png", save(rgba, "PNG", icc_profile=WIDE), seen, 2)
    palette = image.quantize(8)
    yield Odd("wide_palette.png", save(palette, "PNG", icc_profile=WIDE), wide, 2)
    deep = save_tiff(picture.astype(np.uint16) * 257, iccprofile=WIDE)
    yield Odd("wide16.tif", deep, wide, 2)
    floats = save_tiff(picture.astype(np.float32) / 255, iccprofile=WIDE)
    yield Odd("wide_float.tif", floats, wide, 2)

    grey = grey_of(picture)
    lighter = _srgb_curve(grey / 255)
    one = Image.fromarray(grey[..., 0])
    yield Odd("linear_grey.png", save(one, "PNG", icc_profile=LINEAR_GREY), lighter, 2)
    grey_alpha = Image.merge("LA", [one, alpha])
    seen = over_white(lighter, 128 / 255)
    yield Odd("linear_grey_alpha.png", save(grey_alpha, "PNG", icc_profile=LINEAR_GREY), seen, 2)

    inks = inks_of(picture)
    lightness = 100 - inks[..., :3].sum(axis=2) / 255 * 20
    seen = _srgb_curve(np.repeat((((lightness + 16) / 116) ** 3)[..., None], 3, axis=2))
    cmyk = Image.fromarray(inks, "CMYK")
    yield Odd("inks.tif", save(cmyk, "TIFF", icc_profile=INKS), seen, 4)
    yield Odd("inks.jpg", save(cmyk, "JPEG", quality=97, icc_profile=INKS), seen, 5)

    for name, wrong in (("damaged", b"no profile"), ("cut", WIDE[:200]), ("inks", INKS)):
        data = save(image, "PNG", icc_profile=wrong)
        yield Odd(f"profile_{name}.png", data, picture, 0)
