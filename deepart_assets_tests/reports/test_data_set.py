"""The page of a data set is complete, escaped, and rendered by a browser."""

import numpy as np
import pytest

from deepart_assets.imaging import encode_jpeg, preview_uri
from deepart_assets.reports.data_set import RejectedGroup, RejectedRow, data_set_html
from deepart_assets_tests.reports.browser import needs_browser, screenshot

GREEN = np.zeros((200, 300, 3), np.uint8)
GREEN[..., 1] = 255

PAGE = data_set_html(
    title="WikiArt <SR>",
    facts=["Of 9 paintings 3 are chosen."],
    sheet="chosen sheet.jpg",
    tables={"By style": [{"style": "A & B", "train": 3}], "Empty": []},
    rejected=[
        RejectedGroup(
            "enlarged or unsharp scan",
            5,
            [
                RejectedRow("a1", "A painter, A <title>", "resolution 0.38", preview_uri(GREEN)),
                RejectedRow("a2", "画家", "true resolution 0.41 <b>"),
            ],
        )
    ],
)


def test_the_page_says_everything_and_escapes_it():
    page = PAGE.decode()
    for said in (
        "WikiArt &lt;SR&gt;",
        "Of 9 paintings 3 are chosen.",
        'src="chosen%20sheet.jpg"',
        "A &amp; B",
        "enlarged or unsharp scan: 5",
        "A painter, A &lt;title&gt;",
        "true resolution 0.41 &lt;b&gt;",
        "画家",
        "1 without a picture here; 3 more are in rejected.parquet",
    ):
        assert said in page, said
    assert "<b>" not in page and "Empty" not in page and "None." not in page


def test_nothing_rejected():
    page = data_set_html("WikiArt SR", [], "chosen.jpg", {}, []).decode()
    assert "None." in page


@pytest.mark.slow
@needs_browser
def test_a_real_browser_shows_the_sheet_and_the_rejected(tmp_path):
    red = np.zeros((200, 600, 3), np.uint8)
    red[..., 0] = 255
    (tmp_path / "chosen sheet.jpg").write_bytes(encode_jpeg(red))
    page = tmp_path / "index.html"
    page.write_bytes(PAGE)
    seen = screenshot(page)
    is_red = (seen[..., 0] > 230) & (seen[..., 1] < 40) & (seen[..., 2] < 40)
    is_green = (seen[..., 1] > 230) & (seen[..., 0] < 40) & (seen[..., 2] < 40)
    assert is_red.sum() > 100_000, "the sheet is not on the page"
    assert is_green.sum() > 5_000, "the rejected painting is not on the page"
