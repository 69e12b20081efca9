"""Depths and alpha of the containers beside TIFF, against the arrays that files are made from."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from deepart_assets.imaging import PictureFile
from deepart_assets.imaging.containers import is_whole_png

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
