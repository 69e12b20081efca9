"""A curator's way through the desk in a real browser, against a real server."""

import contextlib
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from deepart_assets.desk.app import create_app
from deepart_assets.desk.desk import Desk
from deepart_assets.imaging import decode_grey
from deepart_assets.settings import load_settings

pytest.importorskip("websockets")

from deepart_assets_tests.desk.browser import browsing
from deepart_assets_tests.orchestration.daemon import QUICK, running

needs_browser = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="needs the chromium browser"
)


@contextlib.contextmanager
def serving(desk):
    """A server of a desk; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(desk), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def paint(page, points):
    """Draw with the mouse; points are in shares of the picture's width, as the canvas shows it."""
    left, top, width = page.js(
        "(async () => { const { viewer: v } = await import('/static/painting.js');"
        " const b = v.canvas.getBoundingClientRect();"
        " return [b.x + v.x / v.ratio, b.y + v.y / v.ratio, v.scale / v.ratio]; })()"
    )
    page.drag([(left + x * width, top + y * width) for x, y in points])


@pytest.mark.slow
@needs_browser
def test_search_correct_a_mask_see_it_made_and_accept(settings, painted, tmp_path):
    before = decode_grey(painted.lake.read("subject_masks/a1.png"), "") > 0
    with serving(Desk(settings, painted.lake)) as address, browsing(tmp_path) as page:
        for width in (390, 1280, 2560):
            page.size(width, 900)
            for path in ("/", "/p/a1", "/inbox"):
                page.open(address + path)
                assert page.js("document.documentElement.scrollWidth <= innerWidth"), (width, path)
        page.size(1280, 900)
        page.open(address)
        page.wait("document.querySelectorAll('.grid li').length == 2")
        page.js("document.querySelector('[name=words]').focus()")
        page.call("Input.insertText", text="redon")
        page.wait("document.querySelectorAll('.grid li').length == 1")
        page.js("document.querySelector('.grid a').click()")
        page.wait("location.pathname == '/p/a1' && document.querySelectorAll('#strip img').length")

        # A slow network: what is drawn as soon as the editor is there must not be lost.
        page.js(
            "{ const quick = fetch; window.fetch = async (...all) =>"
            " { await new Promise((then) => setTimeout(then, 400)); return quick(...all); } }"
        )
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.click("#keep")
        paint(page, [(x, 0.6) for x in (0.05, 0.1, 0.15, 0.2)])
        page.click("#save")
        page.wait("document.getElementById('editor').hidden")
        drawn = decode_grey(painted.lake.read("masks/a1.png"), "") > 0
        assert drawn[before].all()
        added = drawn & ~before
        rows, columns = added.nonzero()
        assert abs(rows.mean() - 0.6 * 160) < 3
        assert abs(columns.mean() - 0.125 * 160) < 4
        assert page.wait("document.querySelectorAll('#stages .waiting').length") >= 4

        painted.restore("a1")
        # Only the sheet, which is never made here, still waits: seen without a reload.
        page.wait("document.querySelectorAll('#stages .waiting').length == 1")
        page.click("#accept")
        page.wait("document.getElementById('decision').textContent == 'telea is accepted.'")
        assert b'"accepted"' in painted.lake.read("choices/a1.json")
        assert not page.errors


MADE = ["subject_masks", "unfinished_paintings", "telea_outpaintings", "telea_upscaled",
        "restoration_sheets"]  # fmt: skip


def made(project):
    """The stamp and the hash of each file of all paintings."""
    return {
        (asset, key): [(file.path, project.lake.stamp(file.path), file.sha256) for file in files]
        for asset in ["predicted_masks", *MADE]
        for key in project.store.keys(asset)
        for files in [project.store.get(asset, key).files]
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_browser
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_a_mask_corrected_with_the_mouse_is_followed_by_the_daemon(done, tmp_path):
    project = done
    project.content["automation"] = QUICK
    before, drawn = made(project), decode_grey(project.lake.read("subject_masks/p1.png"), "") > 0
    desk = Desk(load_settings(str(project.write_profile())), project.lake)
    with (
        running(project, tmp_path / "dagster") as (daemon, instance),
        serving(desk) as address,
        browsing(tmp_path) as page,
    ):
        daemon.wait(instance.all_instigator_state)
        page.size(1280, 900)
        page.open(f"{address}/p/p1")
        page.js("window.sameDocument = true")
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.click("#keep")
        paint(page, [(x, 0.2) for x in (0.05, 0.1, 0.15, 0.2)])
        page.click("#save")
        page.wait("document.getElementById('mask-from').textContent.includes('not seen it yet')")
        page.wait("!document.getElementById('mask-from').textContent.includes('not seen')", 120)
        page.wait("document.querySelectorAll('#stages .waiting').length == 0", 240)
        daemon.wait(lambda: all(run.is_finished for run in instance.get_runs()))
        assert page.js("window.sameDocument")
        assert page.js("document.querySelectorAll('#stages .done').length") == 6
        assert not page.errors
    after = made(project)
    changed = {pair for pair in before if before[pair] != after[pair]}
    assert changed == {(asset, "p1") for asset in MADE}
    corrected = decode_grey(project.lake.read("subject_masks/p1.png"), "") > 0
    assert corrected[drawn].all() and corrected.sum() > drawn.sum()
