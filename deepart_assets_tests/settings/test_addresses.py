"""Addresses of competitions and of files on Drive in the place of their names and ids."""

import pytest
from pydantic import ValidationError

from deepart_assets.settings.super_resolution import DriveSR
from deepart_assets.settings.wikiart import DriveSource, KaggleSource
from deepart_assets.storage.drive import _refusal


@pytest.mark.parametrize(
    "text",
    [
        "painter-by-numbers",
        "https://www.kaggle.com/competitions/painter-by-numbers/data",
        "https://kaggle.com/c/painter-by-numbers?x=1",
    ],
)
def test_a_competition_by_its_address(text):
    assert KaggleSource(kind="kaggle", competition=text).competition == "painter-by-numbers"


@pytest.mark.parametrize(
    "text",
    [
        "1aB_c-D",
        "https://drive.google.com/file/d/1aB_c-D/view?usp=sharing",
        "https://drive.google.com/uc?export=download&id=1aB_c-D",
    ],
)
def test_a_file_on_drive_by_its_address(text):
    assert DriveSource(kind="drive", file_id=text).file_id == "1aB_c-D"


def test_other_addresses_are_refused():
    with pytest.raises(ValidationError):
        KaggleSource(kind="kaggle", competition="https://www.kaggle.com/datasets/a/b")


@pytest.mark.parametrize("kind", [DriveSource, DriveSR])
def test_a_file_on_drive_is_told_by_its_sha256_or_how_it_begins(kind):
    for right in ("aB" * 32, "dcbb9e9d"):
        assert kind(kind="drive", file_id="a", sha256=right).sha256 == right
    for wrong in ("", "d41d8cd98f00b204e9800998ecf8427e", "ab" * 33):  # the second is an MD5
        with pytest.raises(ValidationError, match="sha256"):
            kind(kind="drive", file_id="a", sha256=wrong)


@pytest.mark.parametrize(
    ("page", "where", "words"),
    [
        ("Google Drive - Quota exceeded", "https://drive.google.com/uc", "quota is used up"),
        ("Too many users have viewed or downloaded", "https://drive.google.com", "quota"),
        ("You need access. Request access", "https://drive.google.com", "not shared"),
        ("<html>", "https://accounts.google.com/ServiceLogin", "wants a sign-in"),
        ("can't scan this file for viruses", "https://drive.google.com", "viruses"),
        ("<html>", "https://drive.google.com", "web page"),
    ],
)
def test_each_page_of_drive_has_its_own_words(page, where, words):
    assert words in _refusal(page, where)
