"""The wall, a painting's page, its pictures and downloads."""

import errno
import io
import os
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image
from starlette.testclient import TestClient

from deepart_assets.desk.app import create_app
from deepart_assets.desk.desk import Desk
from deepart_assets.desk.index import PaintingIndex
from deepart_assets.desk.pictures import PictureCache, levels, prune
from deepart_assets.desk.rows import Query
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import encode_png
from deepart_assets.orchestration.checks import Check, painting_results
from deepart_assets.storage import Lake
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.desk.conftest import ten_thousand


def decoded(answer):
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_wall_shows_each_painting_and_its_status(client):
    page = client.get("/").text
    assert "Vase of Flowers" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "/p/b.2_%C3%B6" in page
    assert ">restored<" in page
    assert ">not finished<" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("words=redon", {"a1"}),
        ("words=edouard", {"b.2_ö"}),
        ("words=flowers+a1", {"a1"}),
        ("words=nobody", set()),
        ("style=Realism", {"b.2_ö"}),
        ("artist=Odilon+Redon", {"a1"}),
        ("status=restored", {"a1"}),
        ("status=being_made", {"b.2_ö"}),
    ],
)
def test_search_and_filters(client, query, found):
    page = client.get(f"/?{query}").text
    assert {key for key, shown in (("a1", "/p/a1"), ("b.2_ö", "/p/b.2_")) if shown in page} == found


@pytest.mark.parametrize("key", ["Ève", "모나_리자", "モデル"])
def test_a_painting_is_found_by_an_id_of_any_script(client, painted, key):
    painted.add(key)
    client.desk.index.refresh(at_once=True)
    assert [row.listed.id for row in client.desk.index.find(Query(words=key))] == [key]


def test_the_name_of_an_order_is_a_word_like_any_other(client, painted):
    painted.add("c3", title="The list")
    client.desk.index.refresh(at_once=True)
    page = client.get("/?words=list&sort=list").text
    assert 'href="/p/c3?words=list"' in page
    assert 'href="/?words=list&amp;status=restored"' in page


def test_orders(client):
    index = client.desk.index
    assert [row.listed.id for row in index.find(Query(sort="new"))] == ["a1", "b.2_ö"]
    assert [row.listed.id for row in index.find(Query(sort="check"))] == ["b.2_ö", "a1"]


def test_files_of_people_that_cannot_be_read_stop_no_page(client, painted, monkeypatch):
    read = Lake.read

    def refused(lake, path):
        if path in ("masks/a1.png", "choices/a1.json"):
            raise PermissionError(13, "Permission denied", path)
        return read(lake, path)

    painted.lake.write("masks/a1.png", b"a mask")
    painted.lake.write("choices/a1.json", b"{}")
    monkeypatch.setattr(Lake, "read", refused)
    client.desk.index.refresh(at_once=True)
    assert "Vase of Flowers" in client.get("/").text
    assert client.get("/p/a1").status_code == 200


def test_what_was_made_since_is_seen(client, painted):
    assert "not finished" in client.get("/?words=manet").text
    painted.restore("b.2_ö")
    painted.add("c3", title="The New One")
    client.desk.index.refresh(at_once=True)
    page = client.get("/").text
    assert "not finished" in page
    assert "The New One" in page
    assert client.get("/?status=restored").text.count('class="grid"') == 1
    assert "/p/b.2_" in client.get("/?status=restored").text


def test_a_painting_and_what_it_was_made_from(client):
    page = client.get("/p/a1").text
    assert "Odilon Redon, 1889" in page
    assert "telea ×4" in page
    assert "seam score" in page
    state = client.get("/p/a1/state").json()
    assert state["best"] == "telea_upscaled"
    # The sheet was never made.
    assert [each["state"] for each in state["stages"]] == ["done"] * 5 + ["waiting"]


def test_what_a_check_found_is_said_until_the_output_is_another(client, painted, monkeypatch):
    def judge(fault):
        check = Check("four_times_larger", "", lambda record: fault)
        listed = {"a1": SimpleNamespace(caption="Vase", heading="a1 Vase")}
        list(painting_results("telea_upscaled", [check], painted.store, listed))

    def said():
        stages = client.get("/p/a1/state").json()["stages"]
        return next(each["reason"] for each in stages if each["asset"] == "telea_upscaled")

    assert said() == ""
    judge("3 times as large")
    painted.lake.write("masks/a1.png", b"a mask")
    with monkeypatch.context() as patched:  # the wall reads no register: there may be many
        patched.setattr("deepart_assets.desk.painting.kept_values", lambda *_: pytest.fail("read"))
        client.desk.index.refresh(at_once=True)
    painted.lake.remove("masks/a1.png")
    client.desk.index.refresh(at_once=True)
    assert said() == "four times larger: 3 times as large"
    painted.record("telea_upscaled", "a1", {"telea_upscaled/a1.png": b"other"}, {"a": "b"})
    assert said() != "four times larger: 3 times as large"


def stage_states(client):
    return {each["asset"]: each["state"] for each in client.get("/p/a1/state").json()["stages"]}


def test_a_new_mask_makes_what_follows_wait(client, painted):
    painted.lake.write("masks/a1.png", b"a mask")
    client.desk.index.refresh(at_once=True)
    state = client.get("/p/a1/state").json()
    states = {each["asset"]: (each["state"], each["reason"]) for each in state["stages"]}
    assert states["predicted_masks"] == ("done", "")
    assert states["subject_masks"] == ("waiting", "the curator's mask changed")
    assert states["telea_upscaled"] == ("waiting", "telea changed")
    assert "out of date" in client.get("/?words=redon").text
    painted.restore("a1")
    client.desk.index.refresh(at_once=True)
    assert "out of date" not in client.get("/?words=redon").text
    painted.lake.remove("masks/a1.png")
    client.desk.index.refresh(at_once=True)
    assert stage_states(client)["subject_masks"] == "waiting"
    assert "out of date" in client.get("/?words=redon").text
    painted.restore("a1")
    client.desk.index.refresh(at_once=True)
    assert "out of date" not in client.get("/?words=redon").text


def test_another_original_makes_all_that_follows_wait(client, painted):
    assert "out of date" not in client.get("/?words=redon").text
    data = encode_png(draw_painting(9, 200, 160))
    painted.rows[0] = {
        **painted.rows[0],
        "sha256": painted.lake.write("wikiart_paintings/a1.png", data).sha256,
    }
    painted.list()
    client.desk.index.refresh(at_once=True)
    assert stage_states(client)["predicted_masks"] == "waiting"
    assert "out of date" in client.get("/?words=redon").text
    painted.restore("a1")
    client.desk.index.refresh(at_once=True)
    assert "out of date" not in client.get("/?words=redon").text


def test_what_was_made_before_its_mask_failed_is_out_of_date(client, painted):
    mask = painted.store.get("subject_masks", "a1")
    broken = replace(mask, status="failed", reason="masks/a1.png is torn: draw it", files=())
    painted.store.put(broken)
    client.desk.index.refresh(at_once=True)
    stages = client.get("/p/a1/state").json()["stages"]
    states = {each["asset"]: (each["state"], each["reason"]) for each in stages}
    assert states["predicted_masks"][0] == "done"
    assert states["subject_masks"] == ("failed", "masks/a1.png is torn: draw it")
    assert states["unfinished_paintings"] == states["telea_upscaled"] == ("stale", "mask failed")
    assert "failed" in client.get("/?words=redon").text


def test_a_painting_without_a_title_is_named_once(client, painted):
    painted.add("untitled_7", title="")
    client.desk.index.refresh(at_once=True)
    for page in (client.get("/?words=untitled_7").text, client.get("/p/untitled_7").text):
        assert len(re.findall(r">untitled_7|untitled_7</p>", page)) == 1


def test_thumbnails_and_tiles(client):
    state = client.get("/p/a1/state").json()
    for each in state["pictures"]:
        assert decoded(client.get(each["thumb"])).shape[:2] == (200, 160) or "×4" in each["caption"]
        size = client.get(f"{each['tiles']}/size.json").json()
        assert size["height"] == size["width"] * 200 / 160
    large = next(each for each in state["pictures"] if each["key"] == "telea_upscaled")
    answer = client.get(large["thumb"])
    assert decoded(answer).shape == (240, 192, 3)
    assert "immutable" in answer.headers["cache-control"]
    # 800×640 in tiles of 512: one that shows all, then two by two.
    assert decoded(client.get(f"{large['tiles']}/0-0-0.jpg")).shape == (400, 320, 3)
    tiles = [
        [decoded(client.get(f"{large['tiles']}/1-{x}-{y}.jpg")) for x in (0, 1)] for y in (0, 1)
    ]
    whole = np.concatenate([np.concatenate(row, axis=1) for row in tiles]).astype(int)
    original = decoded(client.get("/file/a1/telea_upscaled")).astype(int)
    assert whole.shape == original.shape
    assert np.abs(whole - original).mean() < 3
    assert client.get(f"{large['tiles']}/1-2-0.jpg").status_code == 404
    assert client.get(f"{large['tiles']}/7-0-0.jpg").status_code == 404


def test_an_original_with_alpha_is_no_unfinished_painting(client, painted):
    pixels = np.dstack([draw_painting(3, 200, 160), np.full((200, 160), 255, np.uint8)])
    data, exif = io.BytesIO(), Image.Exif()
    pixels[150:, :, 3] = 0
    exif[274] = 6  # to be turned by 90°
    Image.fromarray(pixels).save(data, "PNG", exif=exif)
    stored = painted.lake.write("wikiart_paintings/a1.png", data.getvalue())
    painted.rows[0] = {**painted.rows[0], "sha256": stored.sha256}
    painted.list()
    client.desk.index.refresh(at_once=True)
    pictures = {each["key"]: each for each in client.get("/p/a1/state").json()["pictures"]}
    original = decoded(client.get(pictures["original"]["thumb"].replace("240", "480")))
    assert original.shape == (160, 200, 3)
    assert (original[:, :45] > 250).all(), "white, as when it is segmented"
    unfinished = decoded(client.get(pictures["unfinished_paintings"]["thumb"]))
    assert set(np.unique(unfinished[:12, :12])) <= set(range(230, 241)), "a checkerboard"


def test_a_version_that_is_no_longer_there_is_not_found(client, painted):
    old = client.get("/p/a1/state").json()["pictures"][0]["thumb"].replace("240", "480")
    painted.lake.write("wikiart_paintings/a1.png", b"another")
    assert client.get(old).status_code == 404


def test_downloads(client, painted):
    original = client.get("/file/a1/original")
    assert original.content == painted.lake.read("wikiart_paintings/a1.png")
    assert "attachment" in original.headers["content-disposition"]
    tiff = client.get("/file/a1/telea_upscaled?format=tiff")
    assert Image.open(io.BytesIO(tiff.content)).format == "TIFF"
    assert (decoded(tiff) == decoded(client.get("/file/a1/telea_upscaled"))).all()
    assert client.get("/file/a1/sheet").status_code == 404
    assert client.get("/file/b.2_%C3%B6/telea_upscaled").status_code == 404


def test_tiles_of_a_kept_picture_are_made_again_when_some_were_removed(painted, tmp_path):
    path, version = "wikiart_paintings/a1.png", painted.rows[0]["sha256"][:16]
    cache, kept = PictureCache(painted.lake), tmp_path / "cache" / "desk"
    cache.tile(path, version, 0, 0, 0)
    assert [each for each in kept.rglob("*") if each.is_file()]
    prune(kept, 0)
    assert not [each for each in kept.rglob("*") if each.is_file()]
    cache.tile(path, version, 0, 0, 0)
    assert levels(512, 512) == 1
    assert levels(513, 10) == 2


@pytest.mark.slow
def test_the_first_page_of_ten_thousand(settings, tmp_path):
    made = ten_thousand(tmp_path)
    before = psutil.Process().memory_info().rss
    index = PaintingIndex(made.store, settings.outpainters)
    assert len(index.rows()) == 10_000
    assert index.rows()["p9"].picture == ("telea_outpaintings", f"{9:064x}"[:16])
    assert psutil.Process().memory_info().rss - before < 100e6
    start = time.process_time()
    assert [each.listed.id for each in index.find(Query(words="9999 artist"))] == ["p9999"]
    index.refresh(at_once=True)
    assert time.process_time() - start < 1
    page = TestClient(create_app(Desk(settings, made.lake)), base_url="http://127.0.0.1:3001")
    text = page.get("/").text
    assert "Painting 0<" in text and text.count("<img") <= 200 and len(text) < 300_000


def test_the_neighbours_are_those_of_the_search(client, painted):
    painted.add("c3", title="Third", style="Realism")
    client.desk.index.refresh(at_once=True)
    assert 'rel="next" href="/p/b.2_%C3%B6"' in client.get("/p/a1").text
    page = client.get("/p/b.2_%C3%B6?style=Realism").text
    assert 'rel="prev"' not in page
    assert 'rel="next" href="/p/c3?style=Realism"' in page
    assert 'href="/?style=Realism">Back to the search' in page
    assert 'href="/p/c3?style=Realism"' in client.get("/?style=Realism").text
    # A painting that the search no longer finds, as it was just accepted, stays among its own.
    assert 'rel="next" href="/p/b.2_%C3%B6?style=Realism"' in client.get("/p/a1?style=Realism").text


def test_whose_ground_a_picture_has(client, painted, settings):
    lenders = [{"id": "g1", "artist": "Goya", "title": "Wall", "year": 1790}, {"id": "g2"}]
    path = "telea_outpaintings/a1"
    files = {f"{path}.png": b"1", f"{path}.1.png": b"2"}
    figures = {"candidates": lenders}
    painted.record("telea_outpaintings", "a1", files, {}, figures=figures)
    shown = {each["key"]: each["credit"] for each in client.get("/p/a1/state").json()["pictures"]}
    assert shown["telea_outpaintings"] == "Goya, Wall, 1790"
    assert shown["telea_outpaintings.1"] == "g2"
    assert shown["telea_upscaled"] == "", "it was enlarged from an earlier one"


@pytest.mark.parametrize("second", ["a1+1.png", "a1.1.png"])  # as it is now, and as it was
def test_a_candidate_is_where_its_record_says(client, painted, second):
    files = {"telea_outpaintings/a1.png": b"1", f"telea_outpaintings/{second}": b"2"}
    painted.record("telea_outpaintings", "a1", files, {"another": "input"})
    assert client.get("/file/a1/telea_outpaintings").content == b"1"
    assert client.get("/file/a1/telea_outpaintings.1").content == b"2"
    assert client.get("/file/a1/telea_outpaintings.2").status_code == 404


def test_provenance_says_when_and_why(client, painted):
    page = client.get("/p/a1").text
    assert " UTC</dd>" in page
    assert "<dt>why</dt><dd>new</dd>" in page
    inputs = {"subject_masks": "another"}
    painted.record("unfinished_paintings", "a1", {"unfinished_paintings/a1.png": b"x"}, inputs)
    assert "<dt>why</dt><dd>subject_masks changed</dd>" in client.get("/p/a1").text


def test_a_failure_is_told_in_words(client, painted):
    with pytest.raises(PaintingError):
        painted.fail("telea_outpaintings", "a1", "the mask is torn: correct it")
    client.desk.index.refresh(at_once=True)
    assert "telea outpaintings failed: the mask is torn: correct it" in client.get("/p/a1").text


def test_a_disk_that_is_full_is_told(client, painted, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, "full")

    original = client.get("/p/a1/state").json()["pictures"][0]
    monkeypatch.setattr(os, "fsync", refuse)
    answer = client.get(f"{original['tiles']}/size.json")
    assert answer.status_code == 422
    assert "make room there" in answer.json()["error"]
    assert "DEEPART_CACHE" in answer.json()["error"]
    answer = client.put("/p/a1/choice", json={"decision": "rejected"}, headers={"if-match": "none"})
    assert answer.status_code == 422
    assert "DEEPART_DATA" in answer.json()["error"]
