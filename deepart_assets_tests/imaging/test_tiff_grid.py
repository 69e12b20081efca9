"""Every TIFF of a grid of tags is read as the array it was made from, or refused with words."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile

SIDE = 16
"""Tiles must have multiples of 16 pixels."""

RAMP = np.linspace(0, 1, SIDE * SIDE).reshape(SIDE, SIDE)
RGB = np.dstack([RAMP, RAMP.T, RAMP[::-1]])
"""In [0, 1]: what each file shows."""


def tiff(values, *, bigtiff=False, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, values, bigtiff=bigtiff, metadata=None, **options)
    return file.getvalue()


def read(data):
    file = PictureFile(data, "a.tif")
    return file.rgb().astype(int), file


def levels(unit):
    """What a picture in [0, 1] is in 8 bits, as RGB."""
    rgb = unit if unit.ndim == 3 else np.dstack([unit] * 3)
    return np.round(rgb * 255)


def numbers(unit, kind):
    if kind == "bool":
        return unit >= 0.5
    if kind.startswith("float"):
        return unit.astype(kind)
    top = np.iinfo(kind).max
    return np.round(unit * top).astype(kind) if top < 2**53 else (unit * 2.0**63).astype(kind) * 2


LAYOUTS = [
    {},
    {"byteorder": ">"},
    {"rowsperstrip": 5},
    {"tile": (16, 16)},
    {"bigtiff": True},
]
CODECS = [None, "lzw", "zlib", "packbits", "zstd", "lzma"]
DEPTHS = ["uint8", "uint16", "uint32", "float16", "float32", "float64"]
PLAIN = [
    *itertools.product(DEPTHS, CODECS, LAYOUTS[:1], [False, True]),
    *itertools.product(DEPTHS, [None, "zlib"], LAYOUTS[1:], [False, True]),
]
"""Depth, compression, layout, and whether a predictor or planes apart are used."""


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb", "planes"])
def test_every_depth_compression_and_layout(photometric):
    for kind, codec, layout, predicted in PLAIN:
        unit = RGB if photometric in ("rgb", "planes") else RAMP
        options = {"compression": codec, "predictor": bool(codec and predicted), **layout}
        if codec == "packbits" and predicted:
            continue
        values = numbers(unit, kind)
        if photometric == "miniswhite":
            values = (1 - values) if kind.startswith("float") else np.iinfo(kind).max - values
        if photometric == "planes":
            values = np.moveaxis(values, 2, 0)
            options |= {"planarconfig": "separate", "photometric": "rgb"}
        else:
            options["photometric"] = photometric
        seen, _ = read(tiff(np.ascontiguousarray(values), **options))
        assert np.abs(seen - levels(unit)).max() <= 1, (photometric, kind, options)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_packed_bits(bits, photometric, order):
    top = (1 << bits) - 1
    values = np.round(RAMP * top).astype(np.uint16 if bits > 8 else np.uint8)
    stored = top - values if photometric == "miniswhite" else values
    data = packed(stored, bits, 0 if photometric == "miniswhite" else 1, order)
    seen, _ = read(data)
    assert np.abs(seen - np.round(np.dstack([values / top] * 3) * 255)).max() <= 1


def packed(values, bits, photometric, order):
    """A TIFF of tightly packed numbers, written here: tifffile writes them for few depths."""
    text = "".join(format(int(each), f"0{bits}b") for each in values.ravel())
    pixels = int(text, 2).to_bytes(len(text) // 8, "big")
    entries = [
        (256, 3, SIDE), (257, 3, SIDE), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 3, SIDE), (279, 4, len(pixels)),
    ]  # fmt: skip
    word = {"<": "little", ">": "big"}[order]
    pad = pixels + bytes(len(pixels) % 2)

    def number(value, size):
        return value.to_bytes(size, word)

    out = (b"II" if order == "<" else b"MM") + number(42, 2) + number(8 + len(pad), 4) + pad
    out += number(len(entries), 2)
    for code, kind, value in entries:
        size = 2 if kind == 3 else 4
        out += number(code, 2) + number(kind, 2) + number(1, 4) + number(value, size)
        out += bytes(4 - size)
    return out + number(0, 4)


LOSSY = {"jpeg": 12, "webp": 12, "lerc": 1, "jpeg2000": 1, "jpegxl": 1, "png": 0}


@pytest.mark.parametrize("codec", LOSSY)
@pytest.mark.parametrize("photometric", ["rgb", "minisblack", "planes"])
def test_codecs_of_pictures(codec, photometric):
    smooth = np.dstack([RAMP, RAMP * 0.8, RAMP * 0.5])
    unit = RAMP if photometric == "minisblack" else smooth
    values = numbers(unit, "uint8")
    options = {"photometric": photometric, "compression": codec}
    if photometric == "planes":
        values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        options |= {"photometric": "rgb", "planarconfig": "separate"}
    if codec == "webp" and photometric != "rgb":
        pytest.skip("WebP has colours")
    if codec == "jpeg":
        options["compressionargs"] = {"level": 98}
    seen, _ = read(tiff(values, **options))
    assert np.abs(seen - levels(unit)).max() <= LOSSY[codec]


@pytest.mark.parametrize("codec", ["jpeg2000", "jpegxl", "png", "lerc"])
def test_codecs_of_sixteen_bits(codec):
    seen, _ = read(tiff(numbers(RGB, "uint16"), photometric="rgb", compression=codec))
    assert np.abs(seen - levels(RGB)).max() <= 1


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("planes", [False, True])
def test_inks(kind, planes):
    top = np.iinfo(kind).max
    inks = np.dstack([1 - RGB, np.full((SIDE, SIDE), 0.25)])
    values = np.round(inks * top).astype(kind)
    options = {"photometric": "separated"}
    if planes:
        values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        options["planarconfig"] = "separate"
    seen, file = read(tiff(values, **options))
    assert np.abs(seen - levels(RGB * 0.75)).max() <= 1
    assert file.colour == "inks without a profile"


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("base", [RGB, RAMP], ids=["rgb", "grey"])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("planes", [False, True])
def test_alpha_is_over_white_and_other_channels_are_left_out(kind, base, extra, planes):
    alpha = np.full((SIDE, SIDE), 0.6)
    colours = base * 0.6 if extra == "assocalpha" else base
    values = np.dstack([numbers(colours, kind), numbers(alpha, kind)])
    options = {"photometric": "rgb" if base is RGB else "minisblack", "extrasamples": [extra]}
    options["planarconfig"] = "contig"
    if planes:
        values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        options["planarconfig"] = "separate"
    seen, file = read(tiff(values, **options))
    wanted = base if extra == "unspecified" else base * 0.6 + 0.4
    assert np.abs(seen - levels(wanted)).max() <= 2
    assert bool(file.warnings) == (extra == "unspecified")


@pytest.mark.parametrize("bits", [4, 8])
def test_palettes(bits):
    count = 1 << bits
    table = np.round(np.linspace(0, 65535, count)).astype(np.uint16)
    table = np.stack([table, table[::-1], table // 2])
    indices = (np.arange(SIDE * SIDE) % count).reshape(SIDE, SIDE).astype(np.uint8)
    options = {} if bits == 8 else {"bitspersample": 4}
    try:
        data = tiff(indices, photometric="palette", colormap=table, **options)
    except ValueError:
        pytest.skip("tifffile does not write it")
    seen, _ = read(data)
    assert np.abs(seen - np.round(table.T[indices] / 257)).max() <= 1


@pytest.mark.parametrize("alpha", [255, 153])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_the_alpha_of_a_palette_is_as_deep_as_its_indexes(alpha, kind):
    table = np.stack([np.linspace(0, 65535, 256).astype(np.uint16)] * 3)
    indices = (np.arange(SIDE * SIDE) % 256).reshape(SIDE, SIDE).astype(np.uint8)
    values = np.dstack([indices, np.full_like(indices, alpha)])
    options = {"planarconfig": "contig", "extrasamples": [kind]}
    options["extratags"] = [(320, 3, table.size, table.ravel(), True)]
    file = io.BytesIO(tiff(values, photometric="minisblack", **options))
    with tifffile.TiffFile(file, mode="r+") as written:
        written.pages[0].tags[262].overwrite(3)  # tifffile writes no palette with alpha
        file = io.BytesIO(file.getvalue())
    seen, file = read(file.getvalue())
    colours = table[0][indices] / 65535 * (alpha / 255 if kind == "unassalpha" else 1)
    wanted = np.minimum(colours, alpha / 255) + (1 - alpha / 255)
    assert np.abs(seen - levels(wanted)).max() <= 1 and not file.warnings


def test_the_alpha_of_floats_may_end_at_one_where_colours_do_not():
    values = np.dstack([RGB * 255, np.full((SIDE, SIDE), 0.6)]).astype(np.float32)
    options = {"planarconfig": "contig", "extrasamples": ["unassalpha"]}
    seen, _ = read(tiff(values, photometric="rgb", **options))
    assert np.abs(seen - levels(RGB * 0.6 + 0.4)).max() <= 2


@pytest.mark.parametrize("bits", [8, 16])
def test_lab(bits):
    """White, black, a mid grey, and a red whose L*a*b* under D50 is from Bruce Lindbloom's page."""
    lab = np.array([[100, 0, 0], [0, 0, 0], [53.585, 0, 0], [54.29, 80.80, 69.89]])
    wanted = [[255] * 3, [0] * 3, [128] * 3, [255, 0, 0]]
    light = lab[:, :1] * (255 if bits == 8 else 65535) / 100
    opponent = lab[:, 1:] * (1 if bits == 8 else 256)
    values = np.round(np.hstack([light, opponent])).astype(np.int64)
    kind = np.uint8 if bits == 8 else np.uint16
    pixels = (values & np.iinfo(kind).max).astype(kind)
    picture = np.repeat(np.repeat(pixels.reshape(2, 2, 3), 8, axis=0), 8, axis=1)
    seen, _ = read(tiff(picture, photometric="cielab"))
    found = seen[4::8, 4::8].reshape(4, 3)
    assert np.abs(found - wanted).max() <= (4 if bits == 8 else 1)


@pytest.mark.parametrize("codec", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_ycbcr(codec):
    picture = np.round(np.dstack([RAMP, RAMP * 0.8, RAMP * 0.5]) * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).convert("YCbCr").save(file, "TIFF", compression=codec)
    seen, _ = read(file.getvalue())
    assert np.abs(seen - picture).max() <= 12


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("tag", [281, 341])
def test_numbers_smaller_than_their_container(bits, tag):
    top = (1 << bits) - 1
    values = np.round(RGB * top).astype(np.uint16)
    seen, file = read(tiff(values, photometric="rgb", extratags=[(tag, 3, 1, top, True)]))
    assert np.abs(seen - levels(RGB)).max() <= 1
    assert f"{bits} of its 16 bits" in file.warnings[0]
    untagged, file = read(tiff(values, photometric="rgb"))
    if bits < 14:
        assert "of its range" in file.warnings[0]
    assert untagged.max() == round(top / 257)


def test_the_largest_page_that_is_not_reduced_is_the_picture():
    small, large = numbers(RAMP[::2, ::2], "uint8"), numbers(RAMP, "uint16")
    huge = np.zeros((32, 32), np.uint8)
    for first, second in itertools.product([None, 1], [0, None]):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as out:
            out.write(small, photometric="minisblack", subfiletype=first, metadata=None)
            out.write(large, photometric="minisblack", subfiletype=second, metadata=None)
            out.write(huge, photometric="minisblack", subfiletype=1, metadata=None)
        assert np.abs(read(file.getvalue())[0] - levels(RAMP)).max() <= 1
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as out:
        out.write(small, photometric="minisblack", subifds=1, metadata=None)
        out.write(large, photometric="minisblack", metadata=None)
    assert np.abs(read(file.getvalue())[0] - levels(RAMP)).max() <= 1
    old = tiff(small, photometric="minisblack", extratags=[(255, 3, 1, 2, True)])
    assert read(old)[0].shape == (8, 8, 3)


def test_equal_pages_are_told():
    data = tiff(np.stack([numbers(RAMP, "uint8")] * 3), photometric="minisblack")
    assert "3 pages" in read(data)[1].warnings[0]


def test_floats_brighter_than_white_and_of_other_ranges():
    seen, file = read(tiff((RAMP * 1.2).astype(np.float32), photometric="minisblack"))
    assert np.abs(seen - levels(np.minimum(RAMP * 1.2, 1))).max() <= 1
    assert "above 1" in file.warnings[0]
    seen, file = read(tiff((RAMP * 255).astype(np.float32), photometric="minisblack"))
    assert np.abs(seen - levels(RAMP)).max() <= 1
    assert "255 is taken for white" in file.warnings[0]


def test_what_is_not_a_number_is_black_and_infinity_is_white():
    values = np.full((SIDE, SIDE), 0.5, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    seen, file = read(tiff(values, photometric="minisblack"))
    assert seen[0, :4, 0].tolist() == [0, 255, 0, 128]
    [warning] = file.warnings
    assert warning.endswith("are not a number (black) or infinite (black or white)")


@pytest.mark.parametrize(("kind", "bits"), [("uint16", 8), ("uint32", 8), ("uint32", 16)])
def test_numbers_that_a_wider_type_hardly_uses_are_taken_for_fewer_bits(kind, bits):
    values = np.round(RGB * ((1 << bits) - 1)).astype(kind)
    seen, file = read(tiff(values, photometric="rgb"))
    assert np.abs(seen - levels(RGB)).max() <= 1
    assert f"{kind[4:]} bits but seem to be of {bits}" in file.warnings[0]


@pytest.mark.parametrize(
    ("options", "values", "words"),
    [
        ({"photometric": "minisblack"}, (RAMP * 200 - 100).astype(np.int16), "negative numbers"),
        ({"photometric": "cfa"}, numbers(RAMP, "uint16"), "raw data of a camera"),
        ({"photometric": "linear_raw"}, numbers(RGB, "uint16"), "raw data of a camera"),
        ({"photometric": "minisblack"}, RAMP.astype(np.complex64), "numbers of format"),
        (
            {"photometric": "separated", "extratags": [(332, 3, 1, 2, True)]},
            numbers(np.dstack([RGB, RAMP]), "uint8"),
            "other inks",
        ),
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_with_words(options, values, words):
    with pytest.raises(PaintingError, match=words) as refusal:
        read(tiff(values, **options))
    assert str(refusal.value).startswith("a.tif ")
    assert "not supported: " in str(refusal.value)


@pytest.mark.parametrize("codec", [None, "lzw", "zlib", "packbits", "jpeg", "zstd", "png"])
def test_a_tiff_that_lost_a_part_is_damaged(codec):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    data = tiff(values, photometric="rgb", compression=codec, rowsperstrip=16)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        start, length = page.dataoffsets[2], page.databytecounts[2]
    for hurt in (data[: start + length // 2], data[:start]):
        with pytest.raises(PaintingError):
            read(hurt)
    if codec not in (None, "packbits", "zstd"):  # these have no checksum of such data
        with pytest.raises(PaintingError):
            read(data[: start + 20] + bytes(length - 20) + data[start + length :])
