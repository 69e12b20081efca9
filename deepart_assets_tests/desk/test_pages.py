"""What comes between a curator and the desk, in a real browser: others, failures, slips."""

import pytest

from deepart_assets.desk.desk import Desk
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import encode_png
from deepart_assets.settings import load_settings
from deepart_assets.settings.outpainting import SceneCompletion
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.desk.browser import browsing
from deepart_assets_tests.desk.test_browser import needs_browser, serving, type_into, upload

pytestmark = [pytest.mark.slow, needs_browser]

HELD = (
    "{ const fetched = fetch; window.released = new Promise((then) => (window.release = then));"
    " window.fetch = async (...all) => { await window.released; return fetched(...all); } }"
)
"""Answers come once `release()` was called."""


@pytest.fixture
def page(tmp_path):
    with browsing(tmp_path) as tab:
        tab.size(1280, 900)
        yield tab


@pytest.fixture
def address(settings, painted):
    with serving(Desk(settings, painted.lake)) as found:
        yield found


def told(words):
    return f"document.getElementById('decision').textContent.includes({words!r})"


def test_a_picture_on_the_left_that_vanishes_stops_nothing(painted, page, address):
    page.open(f"{address}/p/a1")
    page.js(
        "document.querySelector('[data-key=telea_outpaintings]')"
        ".dispatchEvent(new MouseEvent('click', { shiftKey: true }))"
    )
    assert page.js("document.getElementById('left-name').textContent") == "telea"
    with pytest.raises(PaintingError):
        painted.fail("telea_outpaintings", "a1", "the file is torn")
    page.wait("!document.querySelector('[data-key=telea_outpaintings]')", 20)
    page.click_until("#reject", told("rejected"))
    assert page.js("document.getElementById('left-name').textContent") == "original"
    assert not page.errors


def test_what_was_written_is_kept_when_the_desk_is_restarted(settings, painted, page, address):
    page.open(f"{address}/p/a1")
    type_into(page, "#note", "the sky")
    page.js("document.querySelector('meta[name=csrf]').content = 'of a desk that was stopped'")
    page.click("#accept")
    page.wait(told("telea is accepted"), 20)
    assert b"the sky" in painted.lake.read("choices/a1.json")


def test_a_picture_that_could_not_be_had_is_asked_for_again(page, address):
    page.open(f"{address}/p/a1")
    page.js("window.had = fetch; window.fetch = () => Promise.reject(new TypeError('away'))")
    page.click("[data-key=telea_outpaintings]")
    page.wait("document.getElementById('message').textContent.includes('does not answer')", 20)
    page.js("window.fetch = window.had")
    page.click("[data-key=original]")
    page.js("window.asked = []; window.fetch = (at) => { asked.push(at); return had(at); }")
    page.click("[data-key=telea_outpaintings]")
    page.wait("asked.some((each) => String(each).includes('telea_outpaintings'))", 20)
    assert not page.errors


def test_a_decision_that_fails_stops_no_other(page, address):
    page.open(f"{address}/p/a1")
    page.js(
        "document.dispatchEvent = () => { delete document.dispatchEvent; throw Error('once'); }"
    )
    page.click("#reject")
    page.wait("!Object.hasOwn(document, 'dispatchEvent')", 20)
    page.click("#accept")
    page.wait(told("telea is accepted"), 20)
    assert ["dispatchEvent" in each for each in page.errors] == [True]


@pytest.fixture
def two(settings, painted):
    """With two outpainters that take requests, of which the second has painted."""
    inspired = load_settings("sample").outpainters["artificially_inspired"]
    settings.outpainters.clear()
    settings.outpainters.update(best=inspired, other=SceneCompletion(kind="scene_completion"))
    paint(painted, "other")


def paint(painted, name):
    for asset in (f"{name}_outpaintings", f"{name}_upscaled"):
        data = encode_png(draw_painting(len(name), 200, 160))
        painted.record(asset, "a1", {f"{asset}/a1.png": data}, {})


def test_what_is_typed_stays_when_a_better_result_comes(two, painted, page, address):
    page.open(f"{address}/p/a1")
    page.click("#others summary")
    assert page.js("document.getElementById('ask').elements.outpainter.value") == "other"
    type_into(page, "[name=ground]", "g1")
    paint(painted, "best")
    page.wait("!!document.querySelector('[data-key=best_upscaled][aria-pressed=true]')", 20)
    assert page.js("document.querySelector('[name=ground]').value") == "g1"
    assert page.js("document.getElementById('ask').elements.outpainter.value") == "other"


def pictures_in(folder, *names):
    files = [folder / name for name in names]
    for number, file in enumerate(files):
        file.write_bytes(encode_png(draw_painting(number, 60, 50)))
    return files


def test_a_picture_removed_while_others_are_sent_is_not_sent(painted, page, address, tmp_path):
    page.open(f"{address}/inbox")
    for file in pictures_in(tmp_path, "first.png", "second.png"):
        upload(page, file)
    page.wait("document.querySelectorAll('#chosen li').length == 2", 20)
    page.js(HELD)
    page.click("#add")
    page.click("#chosen li:nth-child(2) button")
    page.js("release()")
    page.wait("document.getElementById('message').textContent.includes('1 picture added')", 20)
    assert painted.lake.list("inbox", ".png") == ["inbox/first.png"]


def test_a_file_that_is_gone_and_a_desk_that_fails_are_told_apart(
    monkeypatch, page, address, tmp_path
):
    page.open(f"{address}/inbox")
    [file] = pictures_in(tmp_path, "first.png")
    upload(page, file)
    page.wait("document.querySelectorAll('#chosen li').length == 1", 20)

    def fail(*_):
        raise RuntimeError("unforeseen")

    reason = "document.querySelector('#chosen .reason').textContent"
    monkeypatch.setattr("deepart_assets.desk.writes.take_in", fail)
    page.click("#add")
    page.wait(f"{reason}.includes('The desk failed')", 20)
    file.unlink()
    page.click("#add")
    page.wait(f"{reason}.includes('The file cannot be read')", 20)


def test_zooming_out_of_a_narrow_scroll_reduces_it(painted, page, address):
    painted.add("scroll", size=(4000, 60))
    page.open(f"{address}/p/scroll")
    scale = "(async () => (await import('/static/painting.js')).viewer.scale)()"
    fitted = page.wait(scale)
    page.click("#out")
    assert page.js(scale) <= fitted < 80
    page.click("#in")
    page.click("#in")
    assert fitted < page.js(scale) < 3 * fitted


def test_a_refresh_of_the_wall_does_not_drop_a_search(page, address):
    page.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="{ const [every, fetched] = [setInterval, fetch];"
        " window.setInterval = (action, time) => every(action, time === 15000 ? 50 : time);"
        " window.fetch = async (where, how) => {"
        " if (String(where).includes('words')) await new Promise((then) => setTimeout(then, 500));"
        " return fetched(where, how); } }",
    )
    page.open(address)
    type_into(page, "[name=words]", "redon")
    page.wait("document.querySelectorAll('.grid li').length == 1", 20)
    assert page.js("location.search") == "?words=redon"
