"""TIFF files with faults, and with what is rare: refused with words, or read as they are meant."""

import io
import struct
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile
from deepart_assets.wikiart import examine
from deepart_assets.work import MemoryBudget
from deepart_assets_tests.imaging.test_tiff_grid import RAMP, RGB, SIDE, levels, numbers, read, tiff

GREY = tiff(numbers(RAMP, "uint8"), photometric="minisblack", byteorder="<")
SMOOTH = np.round(np.dstack([RAMP, RAMP * 0.8, RAMP * 0.5]) * 255).astype(np.uint8)


def with_width(kind, count, value):
    """`GREY` with another entry for ImageWidth."""
    entry = struct.pack("<HHII", 256, kind, count, value)
    at = GREY.index(struct.pack("<HH", 256, 4), struct.unpack_from("<I", GREY, 4)[0])
    return GREY[:at] + entry + GREY[at + 12 :]


def test_a_circle_of_pages_is_refused():
    data = bytearray(GREY)
    directory = struct.unpack_from("<I", data, 4)[0]
    end = directory + 2 + 12 * struct.unpack_from("<H", data, directory)[0]
    struct.pack_into("<I", data, end, directory)
    with pytest.raises(PaintingError, match="circle"):
        PictureFile(bytes(data), "a.tif")


@pytest.mark.parametrize("entry", [(3, 2, 0x100010), (2, 3, 0x363631), (4, 1, 0)])
def test_a_size_that_is_no_number_above_0_is_refused(entry):
    with pytest.raises(PaintingError, match=r"cannot be decoded \(its size is not a number"):
        PictureFile(with_width(*entry), "a.tif")


def test_a_picture_that_no_decoder_foresaw_is_left_out_alone(monkeypatch):
    def fail(data, name):
        raise TypeError("unforeseen")

    monkeypatch.setattr(examine, "PictureFile", fail)
    cache = SimpleNamespace(get=lambda key: None, with_content=lambda sha256: None)
    picture = SimpleNamespace(path="a.tif", read=lambda: b"data")
    inspection, _ = examine._inspect("wikiart/a.tif", picture, cache, MemoryBudget(1))
    assert inspection.reason.startswith("a.tif cannot be decoded (unforeseen): ")
    assert inspection.sha256, "it is cached: else every run would make the catalogue again"


def test_jpeg_xr_is_refused_as_damage_would_crash_its_decoder():
    data = tiff(numbers(RGB, "uint8"), photometric="rgb", compression="jpegxr")
    with pytest.raises(PaintingError, match=r"has the compression \d+, .*LZW or deflate"):
        read(data)


def test_one_bit_palettes():
    table = np.array([[65535, 0], [32896, 65535], [0, 257 * 7]], np.uint16)
    indices = (np.indices((SIDE, SIDE)).sum(0) % 2).astype(np.uint8)
    data = tiff(
        indices.astype(bool), photometric="minisblack", byteorder="<",
        extratags=[(320, 3, 6, table.ravel().tolist(), True)],
    )  # fmt: skip
    at = data.index(struct.pack("<HHIH", 262, 3, 1, 1))
    data = data[: at + 8] + struct.pack("<H", 3) + data[at + 10 :]
    assert np.array_equal(read(data)[0], np.round(table.T[indices] / 257))


TURNED = {
    1: lambda values: values,
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, 3),
    7: lambda values: np.rot90(values, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNED)
def test_ycbcr_is_turned_once(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    picture = SMOOTH[:10]
    Image.fromarray(picture).convert("YCbCr").save(
        file, "TIFF", compression="tiff_lzw", exif=exif.tobytes()
    )
    seen, _ = read(file.getvalue())
    wanted = TURNED[orientation](picture.astype(int))
    assert seen.shape == wanted.shape
    assert np.abs(seen - wanted).max() <= 3


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("codec", [1, 5, 8])
def test_ycbcr_of_reduced_colours(across, down, codec):
    stored = np.asarray(Image.fromarray(SMOOTH).convert("YCbCr"))
    pixels = b""
    for row in range(0, SIDE, down):
        for column in range(0, SIDE, across):
            block = stored[row : row + down, column : column + across]
            pixels += block[..., 0].tobytes()
            pixels += np.round(block[..., 1:].mean((0, 1))).astype(np.uint8).tobytes()
    pixels = {1: bytes, 5: imagecodecs.lzw_encode, 8: imagecodecs.zlib_encode}[codec](pixels)
    pixels += bytes(len(pixels) % 2)
    entries = [
        (256, 3, 1, SIDE), (257, 3, 1, SIDE), (258, 3, 3, 8), (259, 3, 1, codec), (262, 3, 1, 6),
        (273, 4, 1, 14), (277, 3, 1, 3), (278, 3, 1, SIDE), (279, 4, 1, len(pixels)),
        (530, 3, 2, across | down << 16),
    ]  # fmt: skip
    data = b"II*\0" + struct.pack("<I3H", 14 + len(pixels), 8, 8, 8) + pixels
    data += struct.pack("<H", len(entries))
    data += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    seen, _ = read(data)
    assert np.abs(seen - SMOOTH).mean() <= 4
    assert np.abs(seen - SMOOTH).max() <= 24


@pytest.mark.parametrize("value", [100, 3.4e38])
@pytest.mark.parametrize("white", [1, 255])
def test_a_hot_pixel_of_a_float_picture_is_not_its_white(value, white):
    unit = np.tile(RAMP, (3, 3))
    values = (unit * white).astype(np.float32)
    values[0, 0] = max(value, white)
    seen, file = read(tiff(values, photometric="minisblack"))
    assert np.abs(seen - levels(unit))[0, 1:].max() <= 1
    assert np.abs(seen - levels(unit))[1:].max() <= 1
    if white == 1:
        assert file.warnings == ("some of its numbers are above 1 and become white",)


def test_white_of_signed_bytes_is_127():
    values = np.round(RAMP * 127).astype(np.int8)
    seen, _ = read(tiff(values, photometric="minisblack"))
    assert np.abs(seen - levels(RAMP)).max() <= 1


@pytest.mark.parametrize("unit", [2, 3])
def test_the_resolution_is_that_of_the_main_page(unit):
    file = io.BytesIO()
    inch = 1 if unit == 2 else 2.54
    with tifffile.TiffWriter(file) as out:
        for values, dots in ((RAMP[::2, ::2], 72), (RAMP, 600)):
            out.write(
                values.astype(np.float32), photometric="minisblack", metadata=None,
                resolution=(dots / inch, dots / inch), resolutionunit=unit,
            )  # fmt: skip
    assert PictureFile(file.getvalue(), "a.tif").dots_per_inch == pytest.approx(600, abs=0.01)
