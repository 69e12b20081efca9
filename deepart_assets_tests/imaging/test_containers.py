"""Depths and alpha of the containers beside TIFF, against the arrays that files are made from."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile
from deepart_assets.imaging.containers import is_whole_png
from deepart_assets.imaging.jpeg_xl import jxl_bits

GREY = np.linspace(0, 1, 256).reshape(16, 16)
RGB = np.dstack([GREY, GREY * 0.8, GREY * 0.5])
ALPHA = np.full((16, 16), 0.6)


def at(unit, bits):
    return np.round(unit * ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def with_alpha(unit, bits):
    return np.dstack([at(unit, bits), at(ALPHA, bits)])


def jp2(values, form="jp2", bits=16):
    return imagecodecs.jpeg2k_encode(values, level=0, codecformat=form, bitspersample=bits)


def avif(values, bits):
    return imagecodecs.avif_encode(values, level=100, bitspersample=bits)


def pillow(mode, form, values, **options):
    file = io.BytesIO()
    Image.frombytes(mode, values.shape[1::-1], values.tobytes()).save(file, form, **options)
    return file.getvalue()


INKS = np.dstack([at(1 - RGB, 8), np.zeros((16, 16), np.uint8)])

FILES = {
    "grey PNG of 16 bits with alpha": (imagecodecs.png_encode(with_alpha(GREY, 16)), GREY, True),
    "PNG of 16 bits with alpha": (imagecodecs.png_encode(with_alpha(RGB, 16)), RGB, True),
    "grey JP2 of 16 bits": (jp2(at(GREY, 16)), GREY, False),
    "code stream of 16 bits": (jp2(at(RGB, 16), "j2k"), RGB, False),
    "code stream of 12 bits": (jp2(at(RGB, 12), "j2k", 12), RGB, False),
    "JP2 of 16 bits with alpha": (jp2(with_alpha(RGB, 16)), RGB, True),
    "JP2 of 8 bits with alpha": (pillow("RGBA", "JPEG2000", with_alpha(RGB, 8)), RGB, True),
    "JP2 of inks": (pillow("CMYK", "JPEG2000", INKS), RGB, False),
    "TIFF of inks in JPEG": (pillow("CMYK", "TIFF", INKS, compression="jpeg"), RGB, False),
    "grey AVIF of 10 bits": (avif(at(GREY, 10), 10), GREY, False),
    "AVIF of 10 bits with alpha": (avif(with_alpha(RGB, 10), 10), RGB, True),
    "JPEG of four pixels a side": (pillow("RGB", "JPEG", at(RGB[:4, :4], 8)), RGB[:4, :4], False),
}


@pytest.mark.parametrize("name", FILES)
def test_containers(name):
    data, unit, has_alpha = FILES[name]
    rgb = unit if unit.ndim == 3 else np.dstack([unit] * 3)
    wanted = np.round((rgb * 0.6 + 0.4 if has_alpha else rgb) * 255)
    tolerance = 12 if "JPEG" in name else 2
    assert np.abs(PictureFile(data, "a").rgb() - wanted).max() <= tolerance


@pytest.mark.parametrize("bits", [10, 12])
def test_sbit_of_numbers_that_do_not_fill_their_container(bits):
    chunk = b"sBIT" + bytes([bits] * 3)

    def marked(values):
        data = imagecodecs.png_encode(values)
        whole = struct.pack(">I", 3) + chunk + struct.pack(">I", zlib.crc32(chunk))
        return data[:33] + whole + data[33:]

    low = PictureFile(marked(at(RGB, bits)), "a.png")
    assert np.abs(low.rgb() - np.round(RGB * 255)).max() <= 1
    assert f"{bits} of its 16 bits" in low.warnings[0]
    full = PictureFile(marked(at(RGB, 16)), "a.png")
    assert np.abs(full.rgb() - np.round(RGB * 255)).max() <= 1
    assert full.warnings == ()
    untagged = PictureFile(imagecodecs.png_encode(at(RGB, bits)), "a.png")
    untagged.rgb()
    assert "of its range" in untagged.warnings[0]


def test_an_avif_that_uses_a_part_of_its_range_warns():
    file = PictureFile(avif(at(GREY, 10) // 8, 10), "a.avif")
    file.rgb()
    assert any("of its range and may be too dark" in each for each in file.warnings)


def test_a_png_is_whole_once_its_last_byte_is_written():
    data = FILES["PNG of 16 bits with alpha"][0]
    assert is_whole_png(data)
    assert not any(is_whole_png(data[:length]) for length in range(len(data)))
    at_work = data[: len(data) // 2] + bytes(len(data) - len(data) // 2)  # reserved, not written
    assert not is_whole_png(at_work)
    assert not is_whole_png(b"") and not is_whole_png(b"green strokes")


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("form", ["jp2", "j2k"])
def test_jpeg_2000_of_few_bits_fills_the_range(bits, form):
    values = np.round(GREY * ((1 << bits) - 1)).astype(np.uint8)
    wanted = np.round(values / ((1 << bits) - 1) * 255)[..., None]
    seen = PictureFile(jp2(values, form, bits), "a.jp2").rgb()
    assert np.abs(seen - wanted).max() <= 1


@pytest.mark.parametrize("bits", [12, 16])
def test_black_ink_of_jpeg_2000_is_no_alpha(bits):
    inks = at(np.dstack([1 - RGB, np.full((16, 16), 0.25)]), bits)
    data = imagecodecs.jpeg2k_encode(
        inks, level=0, codecformat="jp2", bitspersample=bits, mct=False
    )
    start = data.index(b"colr") + 7
    data = data[:start] + struct.pack(">I", 12) + data[start + 4 :]
    file = PictureFile(data, "a.jp2")
    assert np.abs(file.rgb() - np.round(RGB * 0.75 * 255)).max() <= 1
    assert file.colour == "inks without a profile"


def test_jpeg_2000_with_a_sign_is_refused():
    values = (at(GREY, 16).astype(int) - 32768).astype(np.int16)
    data = imagecodecs.jpeg2k_encode(values, level=0, codecformat="jp2")
    with pytest.raises(PaintingError, match="numbers with a sign"):
        PictureFile(data, "a.jp2").rgb()


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("is_boxed", [False, True])
def test_jpeg_xl_of_more_than_8_bits(bits, is_boxed):
    pytest.importorskip("pillow_jxl")
    values, options = at(RGB, bits), {"lossless": True, "bitspersample": bits}
    data = imagecodecs.jpegxl_encode(values, usecontainer=is_boxed, **options)
    # imagecodecs says that they are linear.
    low = np.round(RGB * ((1 << bits) - 1)) / ((1 << bits) - 1)
    wanted = np.where(low <= 0.0031308, 12.92 * low, 1.055 * low ** (1 / 2.4) - 0.055) * 255
    assert np.abs(PictureFile(data, "a.jxl").rgb() - wanted).max() <= 1
    deep = PictureFile(data, "a.jxl").rgb16()
    assert deep is not None and np.abs(deep / 257 - wanted).max() <= 1


@pytest.mark.parametrize("shape", [(256, 256), (40, 64), (300, 77)])
def test_the_depth_of_a_jpeg_xl_of_any_size(shape):
    values = np.zeros((*shape, 3), np.uint16)
    for bits in (10, 13):
        assert jxl_bits(imagecodecs.jpegxl_encode(values, bitspersample=bits)) == bits


def test_the_first_frame_of_a_deep_jpeg_xl_is_taken():
    pytest.importorskip("pillow_jxl")
    frames = np.stack([at(RGB, 16), at(RGB, 16) // 2])
    still = imagecodecs.jpegxl_encode(frames[0], lossless=True)
    animated = imagecodecs.jpegxl_encode(frames, lossless=True)
    assert jxl_bits(animated) == 16
    seen = PictureFile(animated, "a.jxl").rgb()
    assert np.array_equal(seen, PictureFile(still, "a.jxl").rgb())


def oriented(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif.tobytes()


@pytest.mark.parametrize("number", range(1, 9))
def test_a_jpeg_within_a_jpeg_xl_is_turned(number):
    pytest.importorskip("pillow_jxl")
    options = {"quality": 95, "subsampling": 0, "exif": oriented(number)}
    jpeg = pillow("RGB", "JPEG", at(RGB[:10], 8), **options)
    wanted = PictureFile(jpeg, "a.jpg").rgb().astype(int)
    seen = PictureFile(imagecodecs.jpegxl_encode_jpeg(jpeg), "a.jxl").rgb()
    assert seen.shape == wanted.shape
    assert np.abs(seen - wanted).max() <= 4


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("number", [None, 3])
def test_the_orientation_is_that_of_exif_and_not_of_xmp(form, number):
    options = {"exif": oriented(number)} if number else {}
    if form == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    else:
        options["xmp"] = XMP
    seen = PictureFile(pillow("RGB", form, at(RGB[:10], 8), **options), "a").rgb()
    wanted = at(RGB[:10], 8).astype(int)
    wanted = np.rot90(wanted, 2) if number else wanted
    assert seen.shape == wanted.shape
    assert np.abs(seen - wanted).mean() <= 8


@pytest.mark.parametrize("bits", [2, 4])
def test_the_transparent_grey_of_a_png_of_few_bits(bits):
    middle = 1 << (bits - 1)
    values = np.arange(16) % (1 << bits)
    text = "".join(format(each, f"0{bits}b") for each in values)
    row = b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 16, 2, bits, 0, 0, 0, 0)),
        (b"tRNS", struct.pack(">H", middle)),
        (b"IDAT", zlib.compress(row * 2)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    wanted = np.where(values == middle, 255, values * 255 // ((1 << bits) - 1))
    assert PictureFile(data, "a.png").rgb()[0, :, 0].tolist() == wanted.tolist()
