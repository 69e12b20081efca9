"""TIFF for archives: what was 16 bits stays so, and the same pictures give the same bytes."""

import io

import numpy as np
import pytest
import tifffile
from imagecodecs import cms_profile, png_encode
from PIL import Image

from deepart_assets.imaging import PictureFile, resize
from deepart_assets.imaging.archive import encode_archive_tiff, with_depth
from deepart_assets.imaging.colour import cut
from deepart_assets_tests.imaging.test_metadata import METADATA

SIDE = np.linspace(0, 65535, 48)
DEEP = np.dstack(
    [np.tile(SIDE, (40, 1)), np.tile(SIDE[:40, None], (1, 48)), np.full((40, 48), 30_001)]
).astype(np.uint16)


def tiff(values, **more):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="rgb", metadata=None, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_as_eight_are(orientation):
    data = tiff(DEEP, extratags=[(274, "H", 1, orientation, True)])
    assert np.array_equal(cut(PictureFile(data, "a.tiff").rgb16()), PictureFile(data, "").rgb())


@pytest.mark.parametrize(
    "data",
    [
        png_encode(DEEP),
        tiff(DEEP, iccprofile=cms_profile("adobergb")),
        png_encode(np.dstack([DEEP, DEEP[..., 0]])),
        tiff(DEEP.astype(np.float32) / 65535),
    ],
    ids=["png", "profile", "transparent", "float"],
)
def test_sixteen_bits_are_what_eight_are_cut_from(data):
    deep = PictureFile(data, "").rgb16()
    assert deep.dtype == np.uint16 and (deep % 257 != 0).mean() > 0.5
    difference = cut(deep).astype(int) - PictureFile(data, "").rgb()
    assert np.abs(difference).max() <= 1


def test_pictures_of_eight_bits_have_no_more():
    assert PictureFile(png_encode(cut(DEEP)), "").rgb16() is None
    assert PictureFile(tiff(cut(DEEP)), "").rgb16() is None


def test_the_subject_keeps_its_sixteen_bits():
    wanted = resize(DEEP, 80, 96)
    subject = np.zeros((80, 96), bool)
    subject[:40] = True
    result = np.where(subject[..., None], cut(wanted), 77).astype(np.uint8)
    result[0, 0] = 200  # not the original's
    deep = with_depth(result, DEEP, subject)
    assert np.array_equal(deep[1:40], wanted[1:40])
    assert (deep[40:] == 77 * 257).all() and (deep[0, 0] == 200 * 257).all()


@pytest.mark.parametrize("picture", [DEEP, cut(DEEP)], ids=["16 bits", "8 bits"])
def test_an_archive_reads_it_back(picture):
    data = encode_archive_tiff(picture, METADATA, dots_per_inch=1200)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        page = opened.pages[0]
        assert np.array_equal(page.asarray(), picture)
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert page.tags[700].value == METADATA.xmp.encode()
        assert page.software == "Deep Art 1"
        assert page.description == METADATA.description
        assert page.tags["Artist"].value == "Édouard Manet"
    if picture.dtype == np.uint8:
        with Image.open(io.BytesIO(data)) as image:
            assert image.info["dpi"] == (1200, 1200) and b"acsp" in image.info["icc_profile"]
    file = PictureFile(data, "")
    assert np.abs(file.rgb().astype(int) - cut(picture)).max() <= 1
    assert file.colour.startswith("sRGB")
    assert file.dots_per_inch in (1200, None)
    assert encode_archive_tiff(picture, METADATA, dots_per_inch=1200) == data
