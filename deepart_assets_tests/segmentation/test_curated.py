"""A curator's own masks: what is taken as one, and what is said of the others."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from deepart_assets.errors import PaintingError, SkipPainting
from deepart_assets.segmentation import check_polarity, check_position, read_curated_mask

SIZE = (60, 40)


def drawn(size=SIZE):
    mask = np.zeros(size, bool)
    mask[size[0] // 4 : -size[0] // 4, size[1] // 3 :] = True
    return mask


def file_of(picture, mode=None, **more):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, "PNG", **more)
    return buffer.getvalue()


def read(data, size=SIZE):
    return read_curated_mask(data, "masks/p1.png", size)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30)))
def test_black_and_white_is_read_as_drawn(mask):
    data = file_of(mask.astype(np.uint8) * 255)
    if mask.all() or not mask.any():
        with pytest.raises((PaintingError, SkipPainting)):
            read(data, mask.shape)
    else:
        assert np.array_equal(read(data, mask.shape), mask)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "LA"])
def test_every_way_in_which_programs_save_black_and_white(mode):
    assert np.array_equal(read(file_of(drawn().astype(np.uint8) * 255, mode)), drawn())


def test_sixteen_bits():
    assert np.array_equal(read(file_of(drawn().astype(np.uint16) * 65535)), drawn())


def test_a_cut_out_keeps_what_is_opaque():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    picture[..., 3] = drawn() * 255
    assert np.array_equal(read(file_of(picture)), drawn())


def test_soft_edges_are_cut_at_one_half():
    levels = drawn().astype(np.uint8) * 255
    levels[10, 20:] = 127
    levels[50, 20:] = 128
    expected = drawn()
    expected[10, 20:], expected[50, 20:] = False, True
    assert np.array_equal(read(file_of(levels)), expected)


@pytest.mark.parametrize("size", [(30, 20), (120, 80), (61, 41), (600, 400)])
def test_another_size_of_the_same_aspect_is_resized(size):
    found = read(file_of(drawn(size).astype(np.uint8) * 255))
    assert found.shape == SIZE
    assert (found != drawn()).mean() < 0.05


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.1, 4))
def test_rounding_a_size_is_no_other_aspect(height, width, factor):
    size = max(1, round(height * factor)), max(1, round(width * factor))
    mask = np.zeros(size, np.uint8)
    mask[0, 0] = 255
    try:
        read(file_of(mask), (height, width))
    except (PaintingError, SkipPainting) as error:
        assert "aspect" not in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["masks/p1.png", "cannot be read as a picture", "save it as PNG"]),
        (b"<html>sign in</html>", ["cannot be read as a picture"]),
        (file_of(drawn().astype(np.uint8) * 255)[:60], ["cannot be read as a picture"]),
        (file_of(drawn((40, 60)).astype(np.uint8) * 255), ["60×40", "40×60", "turned"]),
        (file_of(drawn((60, 60)).astype(np.uint8) * 255), ["60×60", "40×60", "another aspect"]),
        (file_of(np.full(SIZE, 255, np.uint8)), ["all white", "remove the file"]),
        (file_of(np.full(SIZE, 90, np.uint8)), ["100%", "neither black nor white"]),
        (
            file_of(np.random.default_rng(1).integers(0, 255, (*SIZE, 3), dtype=np.uint8)),
            ["in colours", "white"],
        ),
    ],
    ids=["empty", "page", "cut off", "turned", "square", "white", "grey", "painting"],
)
def test_what_is_no_mask_is_told_with_the_file_and_the_remedy(data, words):
    with pytest.raises(PaintingError) as caught:
        read(data)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_mask_that_would_start_a_program_or_fill_the_memory_is_not_decoded():
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 60\n%%EndComments\n"
    with pytest.raises(PaintingError, match=r"p1\.png cannot be read as a picture: save it as PNG"):
        read(script)
    large = bytearray(file_of(drawn()))
    large[16:24] = struct.pack(">II", 40_000, 60_000)
    large[29:33] = struct.pack(">I", zlib.crc32(large[12:29]))
    with pytest.raises(PaintingError, match="40000×60000 pixels, more than 400 million"):
        read(bytes(large))


def test_all_black_leaves_the_painting_out():
    with pytest.raises(SkipPainting, match="all black"):
        read(file_of(np.zeros(SIZE, np.uint8)))


@pytest.mark.parametrize(
    "levels", [(0, 1), (0, 2), (0, 100), (0, 127), (1, 2), (60, 90), (200, 220)]
)
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_of_two_levels_the_upper_is_white(levels, mode):
    for mask in (drawn(), np.pad(np.ones((2, 2), bool), ((5, 53), (5, 33)))):
        picture = np.where(mask, levels[1], levels[0]).astype(np.uint8)
        assert np.array_equal(read(file_of(picture, mode)), mask)


def test_two_levels_of_sixteen_bits_and_of_alpha():
    assert np.array_equal(read(file_of(drawn().astype(np.uint16))), drawn())
    everywhere = np.dstack([drawn().astype(np.uint8)] * 4)
    assert np.array_equal(read(file_of(everywhere)), drawn())


def test_a_dark_mask_with_soft_edges_is_an_error_and_no_skip():
    levels = drawn().astype(np.uint8) * 100
    levels[10, 20:25] = 50
    with pytest.raises(PaintingError, match="brightest level is 100 of 255"):
        read(file_of(levels))


@pytest.mark.parametrize("size", [(48, 48), (60, 40)])
def test_a_mask_on_the_stored_pixels_of_a_turned_painting_is_refused(size):
    """For each EXIF orientation: the stored pixels are the upright ones turned back."""
    upright = np.zeros(size, bool)
    upright[8:40, 6:18], upright[8:14, 6:34] = True, True
    stored = {
        2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }  # fmt: skip
    for orientation, mask in stored.items():
        if mask.shape == upright.shape:
            with pytest.raises(PaintingError, match=r"seems to be (mirrored|turned|upside down)"):
                check_position(mask, upright, f"masks/{orientation}.png")
    check_position(upright, upright, "masks/p1.png")
    larger = np.zeros(size, bool)
    larger[4:44, 4:36] = True
    check_position(larger, upright, "masks/p1.png")


def test_an_inverted_mask_is_refused_and_a_correction_is_not():
    predicted = drawn()
    with pytest.raises(PaintingError, match=r"looks inverted.*White is kept"):
        check_polarity(~drawn(), predicted, "masks/p1.png")
    check_polarity(drawn(), predicted, "masks/p1.png")
    corrected = drawn()
    corrected[:30] = False
    check_polarity(corrected, predicted, "masks/p1.png")
    # The prediction found a small thing beside the subject; the curator keeps the subject.
    small = np.zeros(SIZE, bool)
    small[:6, :6] = True
    check_polarity(drawn(), small, "masks/p1.png")


def saved_as(kind, picture, **more):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_mask_is_read_as_it_is_shown(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned to the left
    stored = np.ascontiguousarray(np.rot90(drawn())).astype(np.uint8) * 255
    found = read(saved_as(kind, stored, exif=exif))
    assert found.shape == SIZE and (found != drawn()).mean() < 0.02


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "AVIF"])
def test_a_damaged_mask_is_told_whatever_its_format(kind):
    random = np.random.default_rng(0).integers(0, 2, (60, 40), dtype=np.uint8) * 255
    whole = saved_as(kind, random)
    middle = len(whole) // 2
    damaged = [whole[:middle]]
    if kind == "JPEG":  # the others have no checksum, and libjpeg warns
        damaged.append(whole[:middle] + bytes(60) + whole[middle + 60 :])
    for data in damaged:
        with pytest.raises(
            PaintingError, match=r"p1\.png cannot be read as a picture: save it as PNG"
        ):
            read(data)


def deep_png(picture):
    return imagecodecs.png_encode(picture)


def tiff_of(*pages, **more):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(page, metadata=None, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("white", [1, 300, 65535])
def test_tiffs_of_sixteen_bits_are_read_by_their_tags(white):
    grey = drawn().astype(np.uint16) * np.uint16(white)
    assert np.array_equal(read(tiff_of(grey)), drawn())
    apart = tiff_of(np.stack([grey] * 3), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read(apart), drawn())
    thumbnail = np.zeros((30, 20), np.uint16)
    assert np.array_equal(read(tiff_of(thumbnail, grey, photometric="minisblack")), drawn())
    assert np.array_equal(read(deep_png(np.dstack([grey] * 3))), drawn())
    alpha = np.dstack([np.full((*SIZE, 3), 9, np.uint16), grey])
    assert np.array_equal(read(deep_png(alpha)), drawn())


def test_white_may_be_zero_and_numbers_may_be_none():
    inverted = ~(drawn().astype(np.uint16) * np.uint16(65535))
    assert np.array_equal(read(tiff_of(inverted, photometric="miniswhite")), drawn())
    floats = drawn().astype(np.float32)
    assert np.array_equal(read(tiff_of(floats)), drawn())
    floats[0, 0] = np.nan
    try:
        assert np.array_equal(read(tiff_of(floats)), drawn())
    except PaintingError as error:
        assert "masks/p1.png" in str(error)


def test_inks_are_read():
    image = Image.fromarray(drawn().astype(np.uint8) * 255).convert("CMYK")
    for kind in ("JPEG", "TIFF"):
        buffer = io.BytesIO()
        image.save(buffer, kind)
        assert (read(buffer.getvalue()) != drawn()).mean() < 0.02
