"""Pictures of all kinds become sRGB uint8; sizes keep the aspect; sheets show every cell."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms
from scipy.fft import dctn

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import (
    PictureFile,
    column_sheet,
    contact_sheet,
    decode_rgb,
    decode_rgba,
    encode_jpeg,
    encode_png,
    fit_within,
    grouped_mosaic,
    hamming,
    hash_to_hex,
    hashes_from_hex,
    mosaic,
    perceptual_hash,
    preview_uri,
    resize,
    working_size,
)
from deepart_assets.imaging.preview import MAX_SHEET_WIDTH

GRADIENT = np.stack(
    [np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1))] * 3, axis=-1
)  # grey, darker on the left


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@settings(deadline=None)
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


def test_sixteen_bits_are_scaled():
    deep = Image.fromarray(GRADIENT[..., 0].astype(np.uint16) * 257)
    np.testing.assert_allclose(decode_rgb(saved(deep), "x").astype(int), GRADIENT, atol=1)


def test_transparency_is_composited_over_white():
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
def test_files_that_are_not_pictures_are_described(data):
    with pytest.raises(PaintingError, match=r"^monet\.jpg ") as caught:
        decode_rgb(data, "monet.jpg")
    assert "replace the file" in str(caught.value)
    assert "0x" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_decoded():
    small = saved(Image.new("1", (1, 1)))
    header = struct.pack(">4s2I5B", b"IHDR", 30_000, 30_000, 1, 0, 0, 0, 0)
    bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    with pytest.raises(PaintingError, match="30000×30000"):
        decode_rgb(bomb, "bomb.png")


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
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 200
    small = resize(np.repeat(checkers[..., None], 3, 2).astype(np.uint8), 8, 8)
    assert (small == 100).all()


def test_previews_are_small_enough_for_an_event_log():
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1000, 3), dtype=np.uint8)
    assert len(preview_uri(noise)) < 100_000  # noise is the worst that JPEG can meet


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


def areas(sheet, colour):
    """Height and width of the rectangle of this colour."""
    rows, columns = np.nonzero((sheet == colour).all(axis=-1))
    size = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert size[0] * size[1] == len(rows)
    return size


@given(st.integers(64, 700), st.integers(1, 4), st.floats(0.4, 2.5))
@settings(max_examples=25, deadline=None)
def test_every_column_of_a_sheet_fills_its_height(height, rows, aspect):
    def cell(*colour):
        return ("caption", np.full((100, round(100 * aspect), 3), colour, np.uint8))

    column = [cell(0, 0, 10 * row + 10) for row in range(rows)]
    sheet = column_sheet([[cell(200, 0, 0)], column], "Title", height)
    assert areas(sheet, (200, 0, 0))[0] == height
    red = np.nonzero((sheet == (200, 0, 0)).all(axis=-1))[0]
    heights = [areas(sheet, (0, 0, 10 * row + 10))[0] for row in range(rows)]
    assert max(heights) - min(heights) <= 1
    last = np.nonzero((sheet == (0, 0, 10 * rows)).all(axis=-1))[0]
    assert last.max() == red.max()


@pytest.mark.parametrize("size", [(30, 30_000), (400, 10_500), (30_000, 30), (1, 1)])
def test_a_sheet_of_any_picture_can_be_saved(size):
    picture = np.zeros((*size, 3), np.uint8)
    columns = [[("original", picture)], *[[("above", picture), ("below", picture)]] * 5]
    sheet = column_sheet(columns, "A title that is longer than a narrow sheet is wide")
    assert sheet.shape[1] < 1.5 * MAX_SHEET_WIDTH
    assert decode_rgb(encode_jpeg(sheet), "sheet").shape == sheet.shape
    assert (sheet == 0).all(axis=-1).any()


def test_a_caption_wider_than_its_picture_is_set_smaller_before_it_is_cut():
    def tall(text):
        cells = [(text, np.full((400, 150, 3), 250, np.uint8))]
        return contact_sheet(cells, "", height=400)

    assert (tall("stable_diffusion") != tall("stable_diffusion, ×4")).any()
    assert (tall("stable_diffusion, ×2") != tall("stable_diffusion, ×4")).any()


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\x85", "\u2029"])
def test_line_breaks_of_a_title_are_drawn_as_blanks(line_break):
    def drawn(text):
        cell = (text, np.full((100, 150, 3), 250, np.uint8))
        sheet = column_sheet([[cell]], text, 200, notes=[text])
        return sheet, grouped_mosaic([(text, [cell])])

    for one, other in zip(
        drawn(f"The Last{line_break}Supper"), drawn("The Last Supper"), strict=True
    ):
        assert np.array_equal(one, other)


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


# --- decoding a fraction -------------------------------------------------------------------------


def scene(seed, height=480, width=640):
    """Smooth patches with a little grain."""
    random = np.random.default_rng(seed)
    patches = Image.fromarray(random.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    smooth = np.asarray(patches.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    grain = random.integers(-9, 10, (height, width, 1))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


FORMS = {
    "jpeg": lambda image: saved(image, "JPEG", quality=90),
    "progressive": lambda image: saved(image, "JPEG", quality=90, progressive=True),
    "grey": lambda image: saved(image.convert("L"), "JPEG", quality=90),
    "cmyk": lambda image: saved(image.convert("CMYK"), "JPEG", quality=90),
    "png": lambda image: saved(image, "PNG"),
    "palette": lambda image: saved(image.quantize(256), "PNG"),
    "alpha": lambda image: saved(image.convert("RGBA"), "PNG"),
    "tiff": lambda image: saved(image, "TIFF", compression="tiff_lzw"),
    "webp": lambda image: saved(image, "WEBP", quality=90),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(480, 640), (700, 1101), (100, 70), (64, 2000), (20, 30)])
def test_a_reduced_picture_is_the_whole_one_made_small(form, size):
    data = FORMS[form](Image.fromarray(scene(1, *size)))
    whole = decode_rgb(data, "x")
    seen = PictureFile(data, "x").reduced(64)
    assert (seen.height, seen.width) == whole.shape[:2] == size
    rows, columns = seen.picture.shape[:2]
    assert all(min(64, side) <= now < 512 for now, side in zip((rows, columns), size, strict=True))
    expected = resize(whole, rows, columns).astype(int)
    assert np.abs(seen.picture.astype(int) - expected).mean() < 3
    assert hamming(perceptual_hash(seen.picture), perceptual_hash(whole)) <= 2
    assert not seen.is_transparent


def test_a_reduced_rotated_picture_has_the_upright_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.fromarray(scene(2)), "JPEG", exif=exif)
    seen = PictureFile(data, "x").reduced(64)
    assert (seen.height, seen.width) == decode_rgb(data, "x").shape[:2] == (640, 480)
    small = resize(decode_rgb(data, "x"), *seen.picture.shape[:2]).astype(int)
    assert np.abs(small - seen.picture).mean() < 3


# --- perceptual hashes ---------------------------------------------------------------------------


@settings(deadline=None)
@given(arrays(np.uint8, (32, 32)))
def test_the_hash_is_the_published_one(grey):
    """Zauner 2010: the signs against the median of the DCT's coefficients (1, 1) to (8, 8)."""
    kept = dctn(grey.astype(float), norm="ortho")[1:9, 1:9].ravel()
    above = kept - np.median(kept)
    bits = np.array([digit == "1" for digit in f"{perceptual_hash(grey):064b}"])
    sure = np.abs(above) > 0.002  # nearer ones are rounded either way
    assert (bits == (above > 0))[sure].all()


@pytest.mark.parametrize("seed", range(5))
def test_a_hash_survives_scaling_and_saving_and_distinguishes_pictures(seed):
    picture = scene(seed)
    value = perceptual_hash(picture)
    image = Image.fromarray(picture)
    brighter = np.clip(picture * 0.8 + 30, 0, 255).astype(np.uint8)
    for kin in (
        resize(picture, 200, 300),
        decode_rgb(saved(image, "JPEG", quality=30), "x"),
        np.asarray(image.convert("L")),
        brighter,
    ):
        assert hamming(value, perceptual_hash(kin)) <= 4
    for other in range(5):
        if other != seed:
            assert hamming(value, perceptual_hash(scene(other))) >= 16


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
def test_distances_are_counted_in_bits(values):
    texts = [hash_to_hex(value) for value in values]
    assert all(len(text) == 16 for text in texts)
    hashes = hashes_from_hex(texts)
    assert hashes.tolist() == values
    expected = [[(a ^ b).bit_count() for b in values] for a in values]
    assert hamming(hashes[:, None], hashes).tolist() == expected


def test_a_uniform_picture_has_no_bit_set():
    for level in (0, 77, 255):
        assert perceptual_hash(np.full((50, 70, 3), level, np.uint8)) == 0


def test_texts_in_a_png_are_read_back_and_change_no_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    texts = {"Description": "Ground of „Träume“, Édouard Manet", "Source": "a"}
    data = encode_png(picture, texts)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.text == texts
        assert image.info["srgb"] == 0
    np.testing.assert_array_equal(decode_rgb(data, "a.png"), picture)
    assert data == encode_png(picture, texts) != encode_png(picture)
