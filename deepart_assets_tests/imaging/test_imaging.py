"""Pictures of all kinds become sRGB uint8; sizes keep the aspect; sheets show every cell."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import (
    contact_sheet,
    decode_rgb,
    decode_rgba,
    encode_png,
    fit_within,
    mosaic,
    preview_uri,
    resize,
    working_size,
)

GRADIENT = np.stack(
    [np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1))] * 3, axis=-1
)  # grey, darker on the left


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))))
def test_png_is_lossless(picture):
    decode = decode_rgb if picture.shape[2] == 3 else decode_rgba
    np.testing.assert_array_equal(decode(encode_png(picture), "x"), picture)


def test_grey_palette_and_one_bit_pictures_become_rgb():
    grey = Image.fromarray(GRADIENT[..., 0])
    for image in (grey, grey.convert("P"), grey.convert("LA")):
        np.testing.assert_allclose(decode_rgb(saved(image), "x").astype(int), GRADIENT, atol=3)
    one_bit = decode_rgb(saved(grey.convert("1")), "x")
    assert set(np.unique(one_bit)) == {0, 255}


def test_sixteen_bits_are_scaled_and_not_cut_off():
    deep = Image.fromarray(GRADIENT[..., 0].astype(np.uint16) * 257)
    np.testing.assert_allclose(decode_rgb(saved(deep), "x").astype(int), GRADIENT, atol=1)


def test_transparency_is_laid_over_white():
    rgba = np.dstack([GRADIENT, np.zeros(GRADIENT.shape[:2], np.uint8)])
    assert (decode_rgb(saved(Image.fromarray(rgba)), "x") == 255).all()


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90°
    data = saved(Image.fromarray(GRADIENT), exif=exif)
    np.testing.assert_array_equal(decode_rgb(data, "x"), np.rot90(GRADIENT, -1))


def test_cmyk_becomes_rgb():
    data = saved(Image.fromarray(GRADIENT).convert("CMYK"), "TIFF")
    np.testing.assert_allclose(decode_rgb(data, "x").astype(int), GRADIENT, atol=2)


def test_an_icc_profile_is_converted_to_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = decode_rgb(saved(Image.fromarray(GRADIENT), icc_profile=lab), "x")
    np.testing.assert_allclose(plain.astype(int), GRADIENT, atol=1)
    broken = saved(Image.fromarray(GRADIENT), icc_profile=b"no profile")
    np.testing.assert_array_equal(decode_rgb(broken, "x"), GRADIENT)


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>log in</html>", saved(Image.fromarray(GRADIENT))[:60], b"\x89PNG\r\n\x1a\n"],
)
def test_what_is_no_picture_is_named(data):
    with pytest.raises(PaintingError, match=r"^monet\.jpg ") as caught:
        decode_rgb(data, "monet.jpg")
    assert "replace the file" in str(caught.value)
    assert "0x" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_decoded():
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    with pytest.raises(PaintingError, match="30000×30000"):
        decode_rgb(buffer.getvalue(), "bomb.png")


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(64, 1024))
def test_the_working_size_keeps_the_aspect_and_never_enlarges(height, width, side):
    rows, columns = working_size(height, width, side)
    assert min(rows, columns) == min(side, height, width)
    factor = min(rows, columns) / min(height, width)
    assert abs(rows - height * factor) <= 0.5
    assert abs(columns - width * factor) <= 0.5


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(8, 512))
def test_fit_within_stays_in_the_box(height, width, box):
    rows, columns = fit_within(height, width, box)
    assert 1 <= rows <= max(box, 1)
    assert 1 <= columns <= max(box, 1)


def test_reducing_averages():
    chequers = np.indices((64, 64)).sum(axis=0) % 2 * 200
    small = resize(np.repeat(chequers[..., None], 3, 2).astype(np.uint8), 8, 8)
    assert (small == 100).all()


def test_previews_are_small_enough_for_an_event_log():
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1000, 3), dtype=np.uint8)
    assert len(preview_uri(noise)) < 40_000


def test_a_sheet_has_every_cell_at_one_height():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    cells = [
        (f"cell {colour}", np.full((40 + 10 * n, 30, 3), colour, np.uint8))
        for n, colour in enumerate(colours)
    ]
    sheet = contact_sheet(cells, "Title", height=100)
    for n, colour in enumerate(colours):
        area = (sheet == colour).all(axis=-1).sum()
        assert area == 100 * round(30 * 100 / (40 + 10 * n))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_mosaic_holds_any_number(count):
    grid = mosaic([np.zeros((10, 20, 3), np.uint8)] * count)
    assert ((grid == 0).all(axis=-1).sum() > 0) == (count > 0)


def test_captions_have_a_glyph_for_every_letter_of_a_european_name():
    def drawn(text):
        cells = [(text, np.full((200, 400, 3), 250, np.uint8))]
        return contact_sheet(cells, "", height=200)

    missing = drawn("\U0010fffd")  # a code point that no font has
    for letter in "×éñößřŁ–Ж":
        assert (drawn(letter) != missing).any(), letter
