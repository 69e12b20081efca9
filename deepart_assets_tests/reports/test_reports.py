"""Reports follow their schema, plots are images, and a browser renders the gallery."""

import base64
import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from deepart_assets.imaging import encode_jpeg, preview_uri
from deepart_assets.reports import bar_plot, line_plot, report_json
from deepart_assets.reports.gallery import GalleryRow, gallery_html
from deepart_assets_tests.reports.browser import needs_browser, screenshot


def test_rows_come_back_and_what_is_not_finite_becomes_null():
    rows = [{"name": "a", "psnr_y": 30.5, "n": 3}, {"name": "b", "psnr_y": float("inf")}]
    assert json.loads(report_json(rows)) == {
        "rows": [{"name": "a", "psnr_y": 30.5, "n": 3}, {"name": "b", "psnr_y": None}]
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"psnr_y": 1.0}], "unique string as name"),
        ([{"name": "a"}, {"name": "a"}], "unique string as name"),
        ([{"name": "a", "values": [1, 2]}], "a.values is a list"),
    ],
)
def test_rows_outside_the_schema_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        report_json(rows)


def picture_of(uri):
    head, data = uri.split(",", 1)
    assert head.endswith(";base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_plots_are_pictures_with_something_on_them():
    for uri in (
        line_plot({"loss": {"loss": ([1, 2, 3], [3.0, 2.0, 1.5])}}, "iteration"),
        bar_plot("styles", {"Realism": {"kept": 3, "dropped": 1}, "Cubism": {"dropped": 5}}),
    ):
        picture = picture_of(uri)
        assert picture.shape[0] > 100
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_a_curve_of_one_point_is_seen():
    blue = (31, 119, 180)  # the first colour of a curve
    for points in ([27.5], [27.5, 28.0]):
        picture = picture_of(line_plot({"plane": {"a": (points, points)}}, "x"))
        assert (picture == blue).all(axis=2).sum() >= 12


class _Parts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.links, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "img":
            self.sources.append(values["src"])
        if tag == "a":
            self.links.append(values["href"])


ROWS = [
    GalleryRow("1", "A & <B>, Ünïcode 画", "Realism", 0.25, "restoration_sheets/1.jpg",
               results={"telea, ×4": "telea_upscaled/1.png"},
               grounds={"completed": "<Somebody>, A wall, 1650"}),
    GalleryRow("2", "A sea", "Realism", None, None, reason="no subject: nothing <stands> out",
               picture=preview_uri(np.full((20, 30, 3), 200, np.uint8))),
]  # fmt: skip


def test_the_page_links_every_sheet_and_escapes_what_it_shows():
    page = gallery_html("Gallery", ROWS).decode()
    parts = _Parts()
    parts.feed(page)
    assert "../restoration_sheets/1.jpg" in parts.sources
    assert "../telea_upscaled/1.png" in parts.links
    assert "A &amp; &lt;B&gt;, Ünïcode 画" in page
    assert "no subject: nothing &lt;stands&gt; out" in page
    assert "1 of 2 paintings restored" in page
    assert "Not up to date" not in page
    assert page.count("the ground is that of &lt;Somebody&gt;, A wall, 1650") == 1


def test_an_old_sheet_says_that_it_is_old():
    row = replace(ROWS[0], reason="subject_masks failed: the file is empty")
    page = gallery_html("Gallery", [row]).decode()
    assert "Not up to date: subject_masks failed: the file is empty" in page
    assert "../restoration_sheets/1.jpg" in page


@pytest.mark.slow
@needs_browser
def test_a_real_browser_shows_the_sheets(tmp_path):
    red = np.zeros((300, 900, 3), np.uint8)
    red[..., 0] = 255
    (tmp_path / "restoration_sheets").mkdir()
    (tmp_path / "restoration_sheets" / "1.jpg").write_bytes(encode_jpeg(red))
    (tmp_path / "gallery").mkdir()
    page = tmp_path / "gallery" / "index.html"
    page.write_bytes(gallery_html("Gallery", ROWS))
    seen = screenshot(page)
    is_red = (seen[..., 0] > 230) & (seen[..., 1] < 40) & (seen[..., 2] < 40)
    assert is_red.sum() > 100_000, "the sheet is not on the page"
