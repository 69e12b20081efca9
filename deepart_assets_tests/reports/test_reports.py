"""Reports follow their schema, and plots are images."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from deepart_assets.reports import bar_plot, line_plot, report_json


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


def test_many_panels_fit_a_dialog():
    curves = {f"loss {number}": {"a": ([1, 2], [1.0, 2.0])} for number in range(8)}
    assert picture_of(line_plot(curves, "iteration")).shape[1] <= 1200


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
