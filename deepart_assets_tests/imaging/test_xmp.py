"""What a published picture says of itself is read by others, whatever its title."""

from xml.etree import ElementTree

import numpy as np
import pytest

from deepart_assets.imaging import decode_rgb, encode_png, text_of, with_text
from deepart_assets.imaging.xmp import KEYWORD, xmp_packet

PICTURE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


def packet(**changed):
    values = {"title": "", "artist": "", "date": "", "description": "A", "tool": "Deep Art 1",
              "made_at": "2026-11-28T05:58:08+00:00", "facts": {"Seed": "7"}}  # fmt: skip
    return xmp_packet(**{**values, **changed})


def said_in(xmp):
    """The text of each property, by its name without a prefix."""
    root = ElementTree.fromstring(xmp)
    return {each.tag.rpartition("}")[2]: "".join(each.itertext()).strip() for each in root.iter()}


@pytest.mark.parametrize("title", ["The Sea", "<b> & 'Ünïcode' 画\x00", "]]> {lines}"])
def test_a_packet_is_read_back(title):
    data = with_text(
        encode_png(PICTURE, {"Software": "x"}),
        {KEYWORD: packet(title=title, artist="Édouard Manet", date="ca. 1874")},
    )
    assert (decode_rgb(data, "") == PICTURE).all()
    assert data.count(b"sRGB") == 1 and text_of(data)["Software"] == "x"
    said = said_in(text_of(data)[KEYWORD])
    assert said["title"] == said["AOTitle"] == title.rstrip("\x00")
    assert said["creator"] == "Édouard Manet"
    assert said["AOCircaDateCreated"] == "ca. 1874"
    assert said["Seed"] == "7"
    assert said["DigitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")


def test_what_is_not_known_is_not_said():
    said = packet()
    assert "title" not in said and "Artwork" not in said and "creator>" not in said


def test_a_file_without_the_tag_of_srgb_gets_one():
    assert with_text(encode_png(PICTURE), {"Title": "画"}).count(b"sRGB") == 1
