"""Deep pictures are converted in strips of rows: the same pixels, in less memory."""

import io
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from deepart_assets.imaging import PictureFile, strips

RANDOM = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def tiff(values, photometric="rgb", **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric=photometric, **options)
    return buffer.getvalue()


def deep(channels=3, height=61, width=40):
    return RANDOM.integers(0, 65536, (height, width, channels), dtype=np.uint16)


ODD = (deep() / np.float32(60000)).astype(np.float32)
ODD[3, 4], ODD[40, 1], ODD[60, 2] = np.nan, np.inf, -np.inf


@pytest.mark.parametrize(
    "data",
    [
        tiff(deep()),
        tiff(deep() >> 4, extratags=[(281, "H", 1, 4095, True)]),
        tiff(deep(), iccprofile=PROFILE),
        tiff(deep(1)[..., 0], "minisblack"),
        tiff(deep(4), "separated"),
        tiff(deep(), "cielab"),
        tiff(deep().astype(np.uint32) << 16),
        tiff(ODD),
        tiff(ODD.astype(np.float16)),
        tiff(deep(4), extrasamples=["unassalpha"]),
        tiff(deep(4), extrasamples=["assocalpha"]),
    ],
    ids=["16", "12", "icc", "grey", "CMYK", "Lab", "32", "float", "half", "alpha", "premultiplied"],
)
def test_a_picture_is_the_same_in_strips_and_in_one(data, monkeypatch):
    whole = PictureFile(data, "a.tiff").rgb()
    monkeypatch.setattr(strips, "STRIP", 300)  # seven rows, so that the last strip is lower
    assert np.array_equal(PictureFile(data, "a.tiff").rgb(), whole)
    monkeypatch.setattr(strips, "STRIP", 1)
    assert np.array_equal(PictureFile(data, "a.tiff").rgb(), whole)


@pytest.mark.parametrize(
    ("values", "options", "most"),
    [
        (deep(3, 800, 500), {}, 14),
        (deep(3, 800, 500), {"iccprofile": PROFILE}, 14),
        (deep(3, 800, 500) / np.float32(65535), {}, 26),
        (deep(4, 800, 500), {"extrasamples": ["assocalpha"]}, 22),
    ],
    ids=["16", "icc", "float", "premultiplied"],
)
def test_a_deep_picture_takes_little_more_memory_than_its_numbers(
    values, options, most, monkeypatch
):
    monkeypatch.setattr(strips, "STRIP", 1 << 13)  # as few beside this picture as beside a scan
    data = tiff(values, **options)
    PictureFile(tiff(values[:8, :8], **options), "small.tiff").rgb()  # imports take memory, too
    file = PictureFile(data, "a.tiff")
    tracemalloc.start()
    file.reduced(64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / file.pixels < most
