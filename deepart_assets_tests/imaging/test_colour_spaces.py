"""Colours of every container against transforms computed here from the standards' formulas."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile
from deepart_assets.imaging.colour_space import ColourTags, resolve

SIDE = 24
generator = np.random.default_rng(0)
UNIT = 0.25 + 0.5 * np.round(generator.random((SIDE, SIDE, 3)) * 1023) / 1023
"""Within the gamut of sRGB for all of the spaces below, but for a few that are cut."""

POINTS = {
    "sRGB": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    "P3": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    "2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    "Adobe": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
}
D65 = (0.3127, 0.3290)


def to_xyz(points):
    """The matrix from linear RGB to XYZ, from primaries and D65."""
    pairs = np.reshape(points, (3, 2))
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in pairs]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return columns * np.linalg.solve(columns, white)


def encoded(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def decoded(value):
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_of(unit, points, curve):
    """8-bit sRGB of picture in [0, 1] in another space."""
    matrix = np.linalg.inv(to_xyz(POINTS["sRGB"])) @ to_xyz(POINTS[points])
    return encoded(curve(unit) @ matrix.T) * 255


def png(values, *chunks):
    data = imagecodecs.png_encode(values)
    extra = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + extra + data[33:]


def chrm(points):
    return b"cHRM", struct.pack(">8I", *(round(v * 100_000) for v in (*D65, *POINTS[points])))


def gama(gamma):
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def cicp(primaries, transfer):
    return b"cICP", bytes([primaries, transfer, 0, 1])


def icc(points="Adobe", gamma=2.19921875):
    primaries = np.hstack([np.reshape(POINTS[points], (3, 2)), np.ones((3, 1))]).ravel()
    return imagecodecs.cms_profile(
        "rgb", whitepoint=(*D65, 1.0), primaries=tuple(primaries), gamma=gamma
    )


def iccp(profile):
    return b"iCCP", b"x\0\0" + zlib.compress(profile)


def seen(data, name="a"):
    file = PictureFile(data, name)
    return file.rgb().astype(float), file


def deep(unit=UNIT):
    return np.round(unit * 65535).astype(np.uint16)


def shallow(unit=UNIT):
    return np.round(unit * 255).astype(np.uint8)


CASES = {
    "cICP of Display P3": ([cicp(12, 13)], "P3", decoded, "Display P3 by cICP"),
    "cICP, linear": ([cicp(1, 8)], "sRGB", lambda v: v, "BT.709, linear, by cICP"),
    "cICP of BT.2020": ([cicp(9, 13)], "2020", decoded, "BT.2020 by cICP"),
    "cICP over iCCP": ([cicp(12, 13), iccp(icc())], "P3", decoded, "Display P3 by cICP"),
    "iCCP over gAMA": ([iccp(icc()), gama(1)], "Adobe", lambda v: v**2.19921875, "ICC"),
    "linear iCCP": ([iccp(icc("sRGB", 1.0))], "sRGB", lambda v: v, "ICC"),
    "sRGB over gAMA": ([(b"sRGB", b"\0"), gama(1)], "sRGB", decoded, "sRGB by its tag"),
    "gAMA 1": ([gama(1)], "sRGB", lambda v: v, "gamma 1 by gAMA"),
    "gAMA 1/1.8": ([gama(1 / 1.8)], "sRGB", lambda v: v**1.8, "gamma 1.8 by gAMA"),
    "gAMA as sRGB's": ([gama(0.45455), chrm("sRGB")], "sRGB", decoded, "sRGB by gAMA and cHRM"),
    "gAMA and cHRM": (
        [gama(1 / 1.8), chrm("P3")], "P3", lambda v: v**1.8,
        "gamma 1.8, its own primaries by gAMA and cHRM",
    ),
    "cHRM": ([chrm("P3")], "P3", decoded, "its own primaries by cHRM"),
    "nothing": ([], "sRGB", decoded, "sRGB, assumed"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_png(case):
    chunks, points, curve, label = CASES[case]
    picture, file = seen(png(deep(), *chunks))
    assert np.abs(picture - srgb_of(UNIT, points, curve)).max() <= 1
    assert label in file.colour
    picture, _ = seen(png(shallow(), *chunks))
    assert np.abs(picture - srgb_of(shallow() / 255, points, curve)).max() <= 1.5


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(transfer, name):
    avif = boxed_avif(shallow(), 9, transfer)
    for data in (png(deep(), cicp(9, transfer)), avif):
        with pytest.raises(PaintingError, match=rf"high dynamic range \({name}\)"):
            seen(data)


def boxed_avif(values, primaries, transfer, **options):
    """An AVIF whose nclx box says these code points."""
    data = imagecodecs.avif_encode(values, level=100, **options)
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_avif(bits):
    top = (1 << bits) - 1
    values = np.round(UNIT * top).astype(np.uint8 if bits == 8 else np.uint16)
    data = boxed_avif(values, 12, 13, bitspersample=bits)
    picture, file = seen(data)
    assert file.colour == "Display P3 by cICP"
    assert np.abs(picture - srgb_of(values / top, "P3", decoded)).max() <= 2


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("profile", [True, False])
def test_jp2(bits, profile):
    top = (1 << bits) - 1
    values = np.round(UNIT * top).astype(np.uint8 if bits == 8 else np.uint16)
    data = imagecodecs.jpeg2k_encode(values, level=0, codecformat="jp2", bitspersample=bits)
    curve, points = decoded, "sRGB"
    if profile:
        at = data.index(b"colr") - 4
        length = int.from_bytes(data[at : at + 4], "big")
        body = b"colr\x02\0\0" + icc()
        header = data.index(b"jp2h") - 4
        grown = int.from_bytes(data[header : header + 4], "big") - length + 4 + len(body)
        data = (
            data[:header] + struct.pack(">I", grown) + data[header + 4 : at]
            + struct.pack(">I", 4 + len(body)) + body + data[at + length :]
        )  # fmt: skip
        curve, points = (lambda v: v**2.19921875), "Adobe"
    picture, file = seen(data)
    assert ("ICC" in file.colour) == profile
    assert np.abs(picture - srgb_of(values / top, points, curve)).max() <= (1 if bits > 8 else 1.5)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("says", ["ColorSpace", "R03"])
def test_adobe_rgb_by_exif(form, says):
    exif = Image.Exif()
    if says == "ColorSpace":
        exif.get_ifd(0x8769)[0xA001] = 2
    else:
        exif.get_ifd(0x8769)[0xA001] = 65535
        exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    values = shallow(np.broadcast_to(UNIT[:1, :1], UNIT.shape))
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "JPEG" else {}
    for profile in (None, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        file = io.BytesIO()
        Image.fromarray(values).save(
            file,
            form,
            exif=exif.tobytes(),
            **options,
            **({"icc_profile": profile} if profile else {}),
        )
        picture, found = seen(file.getvalue())
        points, curve = ("Adobe", lambda v: v ** (563 / 256))
        if profile:  # it wins
            points, curve = "sRGB", decoded
        wanted = srgb_of(values / 255, points, curve)
        assert np.abs(picture - wanted).max() <= (3 if form == "JPEG" else 1.5)
        assert found.colour.endswith("ICC profile" if profile else "by EXIF")


@pytest.mark.parametrize("kind", ["uint16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("grey", [False, True])
def test_sixteen_bits_and_floats_are_converted_before_they_are_cut(kind, grey):
    dark = UNIT[..., 0] / 20 if grey else UNIT / 20
    if kind.startswith("f"):
        values = dark.astype(kind)
        values.flat[0] = 1
    else:
        values = np.round(dark * np.iinfo(kind).max).astype(kind)
        values.flat[0] = np.iinfo(kind).max
    file = io.BytesIO()
    tifffile.imwrite(
        file, values, photometric="minisblack" if grey else "rgb", metadata=None,
        extratags=[(34675, 7, None, icc("sRGB", 1.0), True)],
    )  # fmt: skip
    picture, _ = seen(file.getvalue())
    unit = values / (1 if kind.startswith("f") else np.iinfo(kind).max)
    wanted = encoded(unit) * 255
    wanted = np.dstack([wanted] * 3) if grey else wanted
    assert np.abs(picture - wanted).max() <= 1


def test_a_profile_that_cannot_be_used_is_told():
    for profile, words in (
        (b"x" * 200, "damaged"),
        (ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(), "not for RGB"),
    ):
        picture, file = seen(png(shallow(), iccp(profile)))
        assert (picture == shallow()).all()
        assert words in file.warnings[0]
        assert file.colour == "sRGB, assumed"


def test_the_order_of_precedence():
    tags = ColourTags(
        cicp=(12, 13), icc=icc(), is_srgb=True, exif="Adobe RGB", gamma=1.0,
        chromaticities=(*D65, *POINTS["P3"]),
    )  # fmt: skip
    labels = []
    for gone in ("cicp", "icc", "is_srgb", "exif", "gamma", "chromaticities", ""):
        labels.append(resolve(tags, "RGB").label.split(" by ")[-1])
        if gone:
            tags = ColourTags(**{**tags.__dict__, gone: None})
    assert labels == [
        "cICP", "its ICC profile", "its tag", "EXIF", "gAMA and cHRM", "cHRM", "sRGB, assumed",
    ]  # fmt: skip


def test_heic_and_jpeg_xl():
    pillow_heif = pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    flat = shallow(np.broadcast_to(UNIT[:1, :1], (64, 64, 3)))
    Image.fromarray(flat).save(file, "HEIF", quality=-1, icc_profile=icc("P3", 2.2))
    picture, found = seen(file.getvalue())
    assert np.abs(picture - flat).max() <= 30
    assert found.colour
    data = imagecodecs.jpegxl_encode(deep(), lossless=True)  # as linear sRGB, so its header says
    assert np.abs(seen(data)[0] - encoded(UNIT) * 255).max() <= 1
    deep_heif = io.BytesIO()
    made = pillow_heif.from_bytes("RGB;16", (SIDE, SIDE), deep().tobytes())
    made.save(deep_heif, quality=-1, chroma=444)
    assert np.abs(seen(deep_heif.getvalue())[0] - UNIT * 255).max() <= 3


def test_without_the_extra_the_remedy_is_told(monkeypatch):
    from deepart_assets.imaging import kinds

    monkeypatch.setattr(kinds, "EXTRAS", {"HEIF": ("no_heif", "heif"), "JXL": ("no_jxl", "jxl")})
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    for data, words in ((heic, "a HEIC picture"), (b"\xff\x0a" + bytes(100), "a JPEG XL picture")):
        with pytest.raises(PaintingError, match=f"is {words}: pip install 'deepart_assets"):
            PictureFile(data, "a.HEIC")
