"""A curator's way through the desk in a real browser, against a real server."""

import shutil
import socket
import threading
import time

import pytest
import uvicorn

from deepart_assets.desk.app import create_app
from deepart_assets.desk.desk import Desk
from deepart_assets.imaging import decode_grey

pytest.importorskip("websockets")

from deepart_assets_tests.desk.browser import browsing


@pytest.fixture
def address(settings, painted):
    desk = Desk(settings, painted.lake)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(desk), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the chromium browser")
def test_search_correct_a_mask_see_it_made_and_accept(address, painted, tmp_path):
    before = decode_grey(painted.lake.read("subject_masks/a1.png"), "") > 0
    with browsing(tmp_path) as page:
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

        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.click("#keep")
        # The canvas shows the picture fitted: from shares of it to points of the page.
        at = page.js(
            "(async () => { const { viewer: v } = await import('/static/painting.js');"
            " const b = v.canvas.getBoundingClientRect();"
            " return [b.x + v.x / v.ratio, b.y + v.y / v.ratio, v.scale / v.ratio]; })()"
        )
        points = [(at[0] + x * at[2], at[1] + 0.6 * at[2]) for x in (0.05, 0.1, 0.15, 0.2)]
        page.drag(points)
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
