"""A curator's way through the desk in a real browser, against a real server."""

import contextlib
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
import yaml

from deepart_assets.desk.app import create_app
from deepart_assets.desk.desk import Desk
from deepart_assets.imaging import decode_grey
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.conftest import Project, instance_in

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
        for width, dark in ((390, False), (1280, True), (2560, False), (3840, True)):
            page.size(width, 900, dark=dark)
            for path in ("/", "/p/a1", "/inbox"):
                page.open(address + path)
                assert page.js("document.documentElement.scrollWidth <= innerWidth"), (width, path)
        page.size(1280, 900)
        page.open(address)
        page.wait("document.querySelectorAll('.grid li').length == 2")
        page.js("document.querySelector('[name=words]').focus()")
        page.call("Input.insertText", text="list")
        page.wait("document.querySelectorAll('.grid li').length == 0")
        assert page.js("location.search") == "?words=list"
        page.js("document.querySelector('[name=words]').value = ''")
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


@pytest.mark.slow
@needs_browser
def test_what_is_drawn_is_not_lost_by_a_slip(settings, painted, tmp_path):
    steps = "(await import('/static/painting.js')).viewer.tool?.draft.steps.length"

    def drawn():
        return page.js(f"(async () => {steps})()")

    def press(key, modifiers=0):
        for kind in ("keyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=modifiers)

    desk = Desk(settings, painted.lake)
    with serving(desk) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/a1")
        page.js("window.confirm = (text) => { window.asked = text; return !!window.may; }")
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.click("#keep")
        for row in (0.5, 0.6):
            paint(page, [(x, row) for x in (0.05, 0.1, 0.15)])
        assert drawn() == 2
        press("z", 2)
        assert drawn() == 1
        press("Z", 2 | 8)  # with Control and Shift
        assert drawn() == 2
        page.click("#start-over")
        page.wait(f"(async () => {steps} == 3)()")
        press("z", 2)

        page.click("#kind-strokes")
        page.wait("!document.getElementById('erase').hidden")
        assert drawn() == 0
        page.click("#kind-mask")
        page.wait("document.getElementById('erase').hidden")
        assert drawn() == 2

        press("Escape")
        assert "lost" in page.js("window.asked")
        assert drawn() == 2

        painted.lake.write("masks/a1.png", painted.lake.read("subject_masks/a1.png"))
        page.click("#save")
        page.wait("document.getElementById('message').textContent.includes('Somebody else')")
        assert drawn() == 2
        page.wait("!document.getElementById('save').disabled")  # once it knows theirs
        page.click("#save")
        page.wait("document.getElementById('editor').hidden")
        mask = decode_grey(painted.lake.read("masks/a1.png"), "") > 0
        assert mask[80, 12]
        assert mask[96, 12]

        page.click("#reset-mask")
        assert "Remove" in page.js("window.asked")
        assert painted.lake.exists("masks/a1.png")


@pytest.mark.slow
@needs_browser
def test_a_note_goes_with_the_decision_and_changes_after_it(settings, painted, tmp_path):
    with serving(Desk(settings, painted.lake)) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/a1")
        page.js("document.getElementById('note').focus()")
        page.call("Input.insertText", text="too dark")
        page.click("#reject")
        page.wait("document.getElementById('decision').textContent.includes('too dark')")
        page.js("document.getElementById('note').value = ''")
        page.js("document.getElementById('note').focus()")
        page.call("Input.insertText", text="a scar")
        page.click("#save-note")
        page.wait("document.getElementById('decision').textContent.includes('a scar')")
        assert page.js("document.getElementById('save-note').hidden")
        assert b'"rejected"' in painted.lake.read("choices/a1.json")
        assert not page.errors


@pytest.mark.slow
@needs_browser
def test_a_wide_painting_leaves_room_and_a_large_one_is_waited_for(
    settings, painted, tmp_path, monkeypatch
):
    painted.add("wide", size=(16, 1600))
    desk = Desk(settings, painted.lake)
    size = desk.cache.size
    monkeypatch.setattr(desk.cache, "size", lambda *given: time.sleep(4) or size(*given))
    with serving(desk) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/wide")
        page.wait("document.getElementById('message').textContent.includes('picture ready')")
        assert page.js("document.querySelector('#strip img').offsetWidth") <= 300
        page.wait("document.getElementById('message').hidden")
        assert not page.errors


UPSTREAM = ["subject_masks", "unfinished_paintings"]
COMPLETED = ["scene_completion_outpaintings", "scene_completion_upscaled"]
PATCHED = ["patchmatch_outpaintings", "patchmatch_upscaled"]
SHEETS = ["restoration_sheets"]
SAMPLE = PROJECT / "data" / "sample" / "paintings"
LONG = 480
"""Seconds that a run may take on a machine that does much else."""
KEY, TITLE, ARTIST = "436122", "The Collector of Prints", "Edgar Degas"


@pytest.fixture
def sampled(tmp_path):
    """A painting of the sample, restored as the sample's profile does, but small and untrained."""
    made = Project(tmp_path)
    shutil.copy(SAMPLE / "437756.jpg", made.pictures)
    sample = yaml.safe_load((PROJECT / "configs" / "sample.yaml").read_text())
    made.content = {
        **{name: sample[name] for name in ("segmentation", "outpainters")},
        "wikiart": made.content["wikiart"],
        "automation": QUICK,
        "restoration": {"working_side": 64},
        "grounds": {**sample["grounds"], "catalogue": False},
        "super_resolution": {"art_esrgan": sample["super_resolution"]["psnr_weights"]},
    }
    del made.content["outpainters"]["artificially_inspired"]
    with instance_in(tmp_path / "dagster") as instance:
        for job in ("catalogue", "restore"):
            with made.run(job, instance) as result:
                assert result.success
    return made


def made(project):
    """The stamp and the hash of each file of all paintings."""
    return {
        (asset, key): [(file.path, project.lake.stamp(file.path), file.sha256) for file in files]
        for asset in ["predicted_masks", *UPSTREAM, *COMPLETED, *PATCHED, *SHEETS]
        for key in project.store.keys(asset)
        for files in [project.store.get(asset, key).files]
    }


def upload(page, file):
    """Choose a file as in the browser's dialog."""
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    field = page.call("DOM.querySelector", nodeId=root, selector="#choose")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=field, files=[str(file)])


def type_into(page, selector, text):
    page.js(f"document.querySelector({selector!r}).focus()")
    page.call("Input.insertText", text=text)


class Loop:
    """A page of a desk, and the daemon that follows it."""

    def __init__(self, project, page, address, wait_for_runs) -> None:
        self.project, self.page, self.address = project, page, address
        self.wait_for_runs = wait_for_runs

    def read(self, path):
        return self.project.lake.read(path)

    def settle(self):
        """Wait until nothing is to be made, and return what there is."""
        self.page.wait("document.querySelectorAll('#stages .waiting').length == 0", LONG)
        self.wait_for_runs()
        return made(self.project)

    def changes(self, before):
        """What was made again once nothing is to be made any more."""
        after = self.settle()
        assert after.keys() == before.keys()
        assert {key for (_, key), files in after.items() if files not in before.values()} <= {KEY}
        return {asset for asset, key in after if after[asset, key] != before[asset, key]}

    def upload(self):
        page, others = self.page, made(self.project)
        page.open(f"{self.address}/inbox")
        upload(page, SAMPLE / f"{KEY}.jpg")
        page.wait("document.querySelectorAll('#chosen [name=title]').length")
        type_into(page, "#chosen [name=title]", TITLE)
        type_into(page, "#chosen [name=artist]", ARTIST)
        page.click("#add")
        page.wait(f"document.querySelector('a[href=\"/p/{KEY}\"]')?.href", LONG)
        page.open(f"{self.address}/p/{KEY}")
        assert page.js("document.querySelector('h1').textContent") == TITLE
        page.js("window.sameDocument = true")
        restored = self.settle()
        assert {pair: restored[pair] for pair in others} == others

    def correct(self):
        page, path = self.page, f"subject_masks/{KEY}.png"
        everything, before = made(self.project), decode_grey(self.read(path), "") > 0
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.click("#keep")
        paint(page, [(x, 0.2) for x in (0.05, 0.1, 0.15, 0.2)])
        page.click("#save")
        # The sensor, which looks each second here, may have seen it before the desk answers.
        page.wait("document.getElementById('mask-from').textContent.includes('drawn by a curator')")
        page.wait("!document.getElementById('mask-from').textContent.includes('not seen')", LONG)
        assert self.changes(everything) == {*UPSTREAM, *COMPLETED, *PATCHED, *SHEETS}
        after = decode_grey(self.read(path), "") > 0
        assert after[before].mean() > 0.99
        assert after.sum() > before.sum()

    def lender(self):
        record = self.project.store.done("scene_completion_outpaintings", KEY)
        return record.figures["lender"]["id"]

    def ask_for_another(self):
        page, everything, lender = self.page, made(self.project), self.lender()
        page.click("#others summary")
        assert page.js("document.querySelector('[data-field=prompt]').hidden")
        page.click("#another")
        page.wait(f"document.getElementById('excluded').textContent.includes('{lender}')")
        assert self.changes(everything) == {*COMPLETED, *SHEETS}
        assert self.lender() != lender

    def accept(self):
        page, everything, lake = self.page, made(self.project), self.project.lake
        page.click("#accept")
        page.wait(
            "document.getElementById('decision').textContent.startsWith('scene completion is')"
        )
        assert self.changes(everything) == set()
        caption = lake.read_json(f"chosen_restorations/{KEY}.json")
        assert (caption["title"], caption["artist"]) == (TITLE, ARTIST)
        assert caption["outpainter"] == "scene_completion"
        assert lake.exists(f"chosen_restorations/{KEY}.png")

    def reject(self):
        type_into(self.page, "#note", "two horizons")
        self.page.click("#reject")
        self.page.wait("document.getElementById('decision').textContent.includes('two horizons')")
        self.settle()
        assert not self.project.lake.exists(f"chosen_restorations/{KEY}.png")
        assert self.page.js("window.sameDocument")
        self.page.open(f"{self.address}/?status=rejected")
        assert self.page.js("document.querySelectorAll('.grid li').length") == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@needs_browser
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_a_curators_loop_with_the_sample(sampled, tmp_path):
    desk = Desk(load_settings(str(sampled.write_profile())), sampled.lake)
    with (
        running(sampled, tmp_path / "dagster") as (daemon, instance),
        serving(desk) as address,
        browsing(tmp_path) as page,
    ):

        def wait_for_runs():
            daemon.wait(lambda: all(run.is_finished for run in instance.get_runs()), LONG)

        daemon.wait(instance.all_instigator_state)
        page.size(1280, 900)
        loop = Loop(sampled, page, address, wait_for_runs)
        loop.upload()
        loop.correct()
        loop.ask_for_another()
        loop.accept()
        loop.reject()
        assert not page.errors
