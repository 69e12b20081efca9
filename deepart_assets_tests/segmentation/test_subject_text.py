"""Texts that say what the subject is: what they name, and which are invalid."""

import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.segmentation.subject_text import check_text, phrases_of, read_text


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("the woman and the child; the dog", ("the woman", "the child", "the dog")),
        ("Person", ("person",)),
        ("a black and white dog", ("a black and white dog",)),
        ("ship, rider.\n horse !", ("ship", "rider", "horse")),
        ("the  dog;The dog;;", ("the dog",)),
        ("un enfant à la poupée; 子供", ("un enfant à la poupée", "子供")),
        (" ;,. \n", ()),
    ],
)
def test_phrases(text, phrases):
    assert phrases_of(text) == phrases


def test_a_file_may_have_a_byte_order_mark_and_spare_space():
    assert read_text("\ufeff the dog\r\n".encode(), "masks/p1.txt") == "the dog"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "names nothing: write what the subject is"),
        (b" ;\n", "names nothing: write what the subject is"),
        ("the dog".encode("utf-16"), "is not a text in UTF-8: save it as UTF-8"),
        ("the dog".encode("utf-16-le"), "is not a text in UTF-8: save it as UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "is not a text in UTF-8: save it as UTF-8"),
        (b"dog " * 100, "has 399 characters, more than 300: name the subject alone"),
    ],
)
def test_a_file_that_cannot_be_meant_is_named_with_the_remedy(data, words):
    with pytest.raises(PaintingError, match=rf"^masks/p1\.txt {words}"):
        read_text(data, "masks/p1.txt")


def test_a_column_that_cannot_be_meant():
    assert check_text("the dog", "the column subject of p1") == "the dog"
    with pytest.raises(PaintingError, match=r"^the column subject of p1 names nothing"):
        check_text("…", "the column subject of p1")
