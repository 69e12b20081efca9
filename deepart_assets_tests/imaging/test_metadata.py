"""What a result says of itself is read by others, whatever its title."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image

from deepart_assets.imaging import decode_rgb, encode_png, text_of
from deepart_assets.imaging.archive import converted_to_tiff
from deepart_assets.imaging.codec import with_text
from deepart_assets.imaging.metadata import PictureMetadata, with_metadata

PICTURE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
METADATA = PictureMetadata(
    title="The Sea",
    artist="Édouard Manet",
    date="ca. 1874",
    summary="All is the painter's.",
    description="Édouard Manet, 画. All is the painter's.",
    software="Deep Art 1",
    made_at="2026-11-28",
    facts={"Seed": "7"},
)


def said_in(xmp):
    """The text of each property, by its name without a prefix."""
    root = ElementTree.fromstring(xmp)
    return {each.tag.rpartition("}")[2]: "".join(each.itertext()).strip() for each in root.iter()}


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def exif_of(data):
    """EXIF's texts by tag; Pillow takes them for Latin-1."""
    exif = opened(data).getexif()
    return {tag: exif[tag].encode("latin-1").decode() for tag in (270, 305, 315) if tag in exif}


@pytest.mark.parametrize("title", ["The Sea", "<b> & 'Ünïcode' 画\x00", "]]> {lines}"])
def test_a_packet_is_read_back(title):
    said = said_in(replace(METADATA, title=title).xmp)
    assert said["title"] == said["AOTitle"] == title.rstrip("\x00")
    assert said["creator"] == "Édouard Manet"
    assert said["AOCircaDateCreated"] == "ca. 1874"
    assert said["Seed"] == "7" and said["CreateDate"] == "2026-11-28"
    assert said["DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    untrained = said_in(replace(METADATA, is_trained=False).xmp)
    assert untrained["DigitalSourceType"].endswith("/composite")


def test_what_is_not_known_is_not_said():
    unknown = replace(METADATA, title="", artist="", date="")
    assert "title" not in unknown.xmp and "Artwork" not in unknown.xmp
    assert "creator>" not in unknown.xmp
    assert 315 not in exif_of(with_metadata(encode_png(PICTURE), unknown))


def test_a_png_says_it_in_texts_xmp_and_exif():
    data = with_metadata(encode_png(PICTURE, {"Original": "x", "Description": "old"}), METADATA)
    assert (decode_rgb(data, "") == PICTURE).all()
    assert data.count(b"sRGB") == data.count(b"eXIf") == 1
    assert opened(data).info["srgb"] == 0
    texts = text_of(data)
    assert texts.pop("XML:com.adobe.xmp") == METADATA.xmp
    assert texts == {
        "Title": "The Sea",
        "Author": "Édouard Manet",
        "Description": "All is the painter's.",
        "Software": "Deep Art 1",
        "Original": "x",
    }
    assert exif_of(data) == {
        270: METADATA.description,
        305: "Deep Art 1",
        315: "Édouard Manet",
    }
    details = opened(data).getexif().get_ifd(0x8769)
    assert details == {36864: b"0232", 40961: 1}


def test_a_correction_replaces_what_was_said_before():
    data = encode_png(PICTURE, {"Original": "x"})
    corrected = replace(METADATA, title="", artist="Manet")
    again = with_metadata(with_metadata(data, METADATA), corrected)
    assert again == with_metadata(data, corrected)
    assert "Sea" not in str(again) and "Title" not in text_of(again)


def test_pixels_survive_whatever_comes_before_them():
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG", dpi=(300, 300), icc_profile=b"")
    data = with_metadata(buffer.getvalue(), METADATA)
    assert (np.asarray(opened(data)) == PICTURE).all()
    assert round(opened(data).info["dpi"][0]) == 300


def test_a_tiff_made_of_it_says_the_same():
    data = with_metadata(encode_png(PICTURE), METADATA)
    tiff = converted_to_tiff(data)
    assert (decode_rgb(tiff, "") == PICTURE).all()
    with tifffile.TiffFile(io.BytesIO(tiff)) as file:
        tags = file.pages[0].tags
        assert tags[270].value == METADATA.description and tags[315].value == "Édouard Manet"
        assert tags[700].value.decode() == METADATA.xmp and b"acsp" in tags[34675].value
    assert tiff == converted_to_tiff(data)


def test_a_photograph_is_turned_upright_in_its_tiff():
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[274], exif[315] = 6, "A"
    Image.fromarray(PICTURE).save(buffer, "JPEG", exif=exif)
    tiff = converted_to_tiff(buffer.getvalue())
    assert (decode_rgb(tiff, "") == decode_rgb(buffer.getvalue(), "")).all()
    assert opened(tiff).size == (4, 5) and opened(tiff).getexif()[315] == "A"


def test_a_file_without_the_tag_of_srgb_gets_one():
    assert with_text(encode_png(PICTURE), {"Title": "画"}).count(b"sRGB") == 1
