"""A file that lost a part is damaged, whatever stands at its end; a whole one is whole."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from deepart_assets.errors import PaintingError
from deepart_assets.imaging import PictureFile

generator = np.random.default_rng(0)
GRAIN = generator.integers(0, 60, (160, 160, 3))
PICTURE = np.clip(np.indices((160, 160)).sum(0)[..., None] // 2 + GRAIN, 0, 255).astype(np.uint8)
END = b"\xff\xd9"


def saved(form="JPEG", picture=PICTURE, mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, form, **options)
    return file.getvalue()


KINDS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 2},
    "grey": {"mode": "L"},
    "inks": {"mode": "CMYK"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lost_a_part_is_damaged_whatever_its_end(kind):
    data = saved(quality=95, **KINDS[kind])
    other = saved(picture=PICTURE[::-1].copy(), quality=95, **KINDS[kind])
    size = len(data)
    for hurt in (
        data[: size // 2] + END,
        data[: int(size * 0.95)] + END,
        data[: size // 2] + data[size // 2 + 2000 :],
        data[: size // 2] + bytes(2000) + data[size // 2 + 2000 :],
        data[: size // 2] + other[len(other) * 2 // 3 :],
        data[: size // 2],
    ):
        for way in (PictureFile.rgb, lambda file: file.reduced(16)):
            with pytest.raises(PaintingError, match="cannot be decoded"):
                way(PictureFile(hurt, "a.jpg"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_without_its_end_marker_alone_is_whole(kind):
    data = saved(quality=95, **KINDS[kind])
    assert data.endswith(END)
    whole = PictureFile(data, "a.jpg").rgb()
    for variant in (data[:-2], data[:-1], data + b"trailing bytes", data + bytes(500)):
        assert np.array_equal(PictureFile(variant, "a.jpg").rgb(), whole)


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {}), ("JPEG2000", {}), ("AVIF", {})],
)
def test_other_formats_that_are_cut_off_are_damaged(form, options):
    data = saved(form, **options)
    for share in (0.5, 0.9):
        with pytest.raises(PaintingError):
            PictureFile(data[: int(len(data) * share)], "a").rgb()


def test_a_png_with_zeroed_data_is_damaged():
    data = saved("PNG")
    middle = len(data) // 2
    with pytest.raises(PaintingError, match="checksum of IDAT"):
        PictureFile(data[:middle] + bytes(100) + data[middle + 100 :], "a.png").rgb()


def test_a_progressive_jpeg_that_lost_whole_scans_is_damaged():
    data = saved(quality=95, progressive=True)
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    tables = data.rfind(b"\xff\xc4", 0, starts[-1])
    assert PictureFile(data[:-2], "a.jpg").rgb().shape == PICTURE.shape
    for cut in (tables, data.rfind(b"\xff\xc4", 0, starts[-3])):
        with pytest.raises(PaintingError, match="last scans"):
            PictureFile(data[:cut] + END, "a.jpg").rgb()


WRONG_CHECKSUM = b"\0\0\0\4gAMA\0\0\xb1\x8fabcd"


@pytest.mark.parametrize(
    "data",
    [
        saved("PNG")[:33] + WRONG_CHECKSUM + saved("PNG")[33:],
        saved("PNG")[:12],
        saved("PNG")[:20],
        saved()[:3],
        saved("GIF")[:7],
        saved("WEBP")[:14],
        saved("JPEG2000")[:16],
    ],
)
def test_a_file_that_is_damaged_at_its_start_is_called_damaged(data):
    with pytest.raises(PaintingError, match="replace the file with an intact one"):
        PictureFile(data, "a").rgb()


def test_a_damaged_jpeg_xl_picture_is_told_in_words():
    pytest.importorskip("pillow_jxl")
    with pytest.raises(PaintingError) as told:
        PictureFile(b"\xff\x0a" + bytes(100), "a.jxl").rgb()
    assert str(told.value) == (
        "a.jxl is a JPEG XL picture that is cut off or damaged: replace the file"
    )


def test_a_heic_picture_that_is_cut_off_is_told_in_one_line():
    pytest.importorskip("pillow_heif").register_heif_opener()
    with pytest.raises(PaintingError) as told:
        PictureFile(saved("HEIF")[:-200], "a.heic").rgb()
    assert str(told.value).endswith("): replace the file with an intact one")
    assert "\n" not in str(told.value)


def without_last_part_of_its_profile(data):
    start = data.rindex(b"\xff\xe2", 0, data.index(b"\xff\xda"))
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def test_a_jpeg_with_a_broken_profile_is_read_with_a_warning_and_its_damage_is_noticed():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    whole = saved(quality=95, icc_profile=profile + bytes(150_000))
    assert whole.count(b"ICC_PROFILE\0") == 3
    data = without_last_part_of_its_profile(whole)
    file = PictureFile(data, "a.jpg")
    assert np.array_equal(file.rgb(), PictureFile(saved(quality=95), "a.jpg").rgb())
    assert file.warnings == ("its ICC profile is damaged and is ignored",)
    half = len(data) - len(saved(quality=95)) // 2
    with pytest.raises(PaintingError, match="cannot be decoded"):
        PictureFile(data[:half] + bytes(2000) + data[half + 2000 :], "a.jpg").rgb()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (imagecodecs.jpeg_encode(PICTURE.astype(np.uint16), bitspersample=12), "JPEG of 12 bits"),
        (imagecodecs.ljpeg_encode(PICTURE[..., 0]), "lossless JPEG"),
        (imagecodecs.jpegls_encode(PICTURE), "JPEG-LS picture"),
    ],
)
def test_an_intact_jpeg_of_another_kind_is_not_called_damaged(data, words):
    with pytest.raises(PaintingError, match=f"^a is a {words}: export it as TIFF or PNG$"):
        PictureFile(data, "a").rgb()


def test_a_png_with_a_long_text_is_whole():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 2_000_000, zip=True)
    assert np.array_equal(PictureFile(saved("PNG", pnginfo=text), "a.png").rgb(), PICTURE)
