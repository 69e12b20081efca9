"""What a user of the Dagster UI does and reads there, in a real browser on a running project."""

import json
import shutil
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("websockets")

from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.desk.browser import browsing
from deepart_assets_tests.orchestration.daemon import QUICK, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the chromium browser"),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
PATIENCE = 240
"""Seconds to wait for a page, or for a run, on a busy machine."""


class Page:
    """A page of the UI, read and clicked by its words."""

    def __init__(self, browser, address):
        self._browser, self._address = browser, address

    def open(self, path):
        self._browser.open(f"{self._address}/{path}")

    def says(self, *texts):
        """Wait until the page has all these texts."""
        for text in texts:
            words = f"document.body.innerText.includes({json.dumps(text)})"
            self._browser.wait(words, PATIENCE)

    def no_longer_says(self, text):
        """Wait until the page is without this text."""
        self._browser.wait(f"!document.body.innerText.includes({json.dumps(text)})", PATIENCE)

    def comes_to_say(self, path, *texts):
        """Open a page again and again until it has all these texts."""
        deadline = time.monotonic() + PATIENCE
        wanted = f"{json.dumps(texts)}.every(each => document.body.innerText.includes(each))"
        while True:
            self.open(path)
            try:
                return self._browser.wait(wanted, 20)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def comes_to(self, path):
        """Wait until the browser shows the page with this path."""
        self._browser.wait(f"location.pathname === {json.dumps(path)}", PATIENCE)

    def text(self):
        return self._browser.js("document.body.innerText")

    def click(self, text):
        """Press the innermost element with just this text, which the lineage may shorten."""
        self._browser.wait(
            f"(() => {{ const text = {json.dumps(text)};"
            " const is = said => said === text || (said.includes('…') && said.length > 8"
            " && text.startsWith(said.split('…')[0]) && text.endsWith(said.split('…')[1]));"
            " const found = [...document.querySelectorAll('body *')].filter("
            "e => is(e.textContent.trim()) && e.getClientRects().length).at(-1);"
            " if (!found || found.closest('button:disabled')) return false;"
            " found.click(); return true; })()",
            PATIENCE,
        )


@pytest.fixture
def ui(done, tmp_path):
    """The UI of a project whose outpaintings have become stale by another setting, and a page."""
    done.content["automation"] = QUICK
    done.content["outpainters"]["telea"]["radius"] = 9
    done.inbox.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"

    def answers():
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    with running(done, tmp_path / "dagster", port) as (daemon, _), browsing(tmp_path) as browser:
        daemon.wait(answers)
        browser.size(1400, 1000)
        yield Page(browser, address)


def test_materialize_a_painting_drop_one_and_follow_its_mask(done, ui):
    # One painting of one asset, by the dialog.
    ui.open("assets/telea_outpaintings?view=partitions&partition=p1")
    ui.says("Materialized (5)", "Unsynced (1)")
    ui.click("Materialize…")
    ui.says("Launch runs to materialize telea_outpaintings", "1 partition")
    ui.click("Launch 1 run")
    ui.no_longer_says("Launch runs to materialize")  # the run may have ended before the page knows
    ui.comes_to_say("assets/telea_outpaintings?view=partitions&partition=p1", '"radius": 9')
    ui.says("Materialized (5)")
    assert "Unsynced" not in ui.text()
    ui.open("assets/telea_outpaintings?view=partitions&partition=p2")
    ui.says("Unsynced (1)", '"radius": 12')

    # A picture in the inbox: who started what, and why.
    Image.fromarray(draw_painting(71)).save(done.inbox / ".fresh.png")
    (done.inbox / ".fresh.png").rename(done.inbox / "fresh.png")
    ui.comes_to_say("runs", "the inbox changed: fresh.png", "new or changed on the list: fresh")
    sheet = "assets/restoration_sheets?view=partitions&partition=fresh"
    ui.comes_to_say(sheet, "Materialized (6)", "Missing (0)", "preview")

    # From its mask to what was made with it.
    ui.open("assets/subject_masks?view=partitions&partition=fresh")
    ui.says("Materialized (6)", "mask_from")
    ui.click("Lineage")
    ui.click("Downstream")
    for asset in ("unfinished_paintings", "telea_outpaintings", "telea_upscaled"):
        ui.click(asset)
        ui.comes_to("/assets/" + asset)
    ui.open("assets/telea_upscaled?view=partitions&partition=fresh")
    ui.says("Materialized (6)", "preview", f"{done.root}/telea_upscaled/fresh.png")
