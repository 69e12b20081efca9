"""Renews the pictures of docs/images: the Dagster UI and the desk on a demo.

    .venv/bin/python .ci/screenshots.py [FOLDER [PICTURE ...]]

It makes the demo and photographs the desk and the lineage with the chromium of this machine; then
it drops a painting into the inbox, lays a turned mask on another one, and photographs the rest.
FOLDER, a temporary one by default, gets the data lake (`lake`) and Dagster's history (`dagster`).
What is there already is not done again: the demo's, copied there from a checkout, saves its
minutes; where all has happened, only the rest is photographed. By default all pictures are renewed.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from waiting import wait_for

from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets_tests.desk.browser import Browser, browsing

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "images"
SAMPLE = ROOT / "data" / "sample" / "paintings"
BIN = Path(sys.executable).parent
PAGES: Mapping[str, tuple[str, int, int, str]] = {
    "lineage": ("asset-groups", 1900, 2040, "wikiart"),
    "mask_outputs": (
        "assets/subject_masks?view=lineage&lineageScope=downstream&lineageDepth=5",
        1500,
        1150,
        "subject_masks",
    ),
}
"""Path, width and height in CSS pixels of each picture of the demo in the Dagster UI, and a text
that is there once it is."""
LATER: Mapping[str, tuple[str, int, int, str]] = {
    "ticks": ("locations/deepart_assets/sensors/inbox", 1360, 740, "take_in"),
    "runs": ("runs", 1360, 860, "take_in"),
    "plan": ("assets/restoration_plan?view=events", 1360, 900, "Metadata"),
    "partitions": ("locations/deepart_assets/jobs/restore/partitions", 1360, 640, "Status"),
    "failed": ("assets/subject_masks?view=events", 1360, 460, "Metadata"),
    "states": ("locations/deepart_assets/asset-groups/segmentation", 1360, 900, "subject_masks"),
}
"""As `PAGES`, once things have happened."""
DESK = {
    "desk_wall": ("", 860, "document.querySelectorAll('.grid img').length > 11"),
    "desk_painting": ("p/437430", 940, "document.querySelectorAll('#strip img').length > 2"),
    "desk_editor": ("p/437430", 760, "!document.getElementById('editor').hidden"),
}
"""Path, height in CSS pixels and what is true once it is there, of each picture of the desk."""
CLICKS = {"partitions": ("Show per-asset status", "Hide per-asset status")}
"""Text of the button that is pressed first, and what it then says."""
SCALE = 0.8
"""Pixels of a picture for each CSS pixel."""
SETTLES = 8.0
"""Seconds in which a page shows the rest; it never ends to poll."""
LONGEST = 1800.0
"""Most seconds until the daemon has done something."""
NEW, TURNED, SHEET = "436122", "437382", "643540"
"""Ids of sample paintings: it comes mirrored into the inbox; its mask is turned; its sheet is in
the README."""


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*command: str | Path, **more: Any) -> Iterator[None]:
    """Run a command beside the block, and end it with all its processes."""
    process = subprocess.Popen(list(map(str, command)), start_new_session=True, **more)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def dagster_ui(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the UI and its daemon; yield its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"

    def answers() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/server_info") as page:
            return bool(page.status == 200)
        return False

    command = (BIN / "dagster", "dev", "--host", "127.0.0.1", "--port", str(port))
    with running(*command, cwd=ROOT, env=environment):
        wait_for("the UI", answers, LONGEST)
        yield url


def show(page: Browser, url: str, width: int, height: int, text: str) -> None:
    """Open a page and wait until a text is on it."""
    page.size(width, height, scale=SCALE)
    page.open(url)
    page.wait(f"document.body.innerText.includes('{text}')", 600)
    time.sleep(SETTLES)


def with_text(page: Browser, text: str, action: str) -> None:
    """Do something, as `click()`, with the innermost element that has just this text."""
    element = f"[...document.querySelectorAll('*')].findLast(e => e.innerText == '{text}')"
    page.js(f"{element}?.{action}")
    time.sleep(SETTLES)


def arrange_lineage(page: Browser) -> None:
    """Close the sidebar, expand the groups, and move down the graph, whose top is cut off."""
    page.js(  # the button without a text beside the sidebar's search
        "[...document.querySelectorAll('button')].find(each => !each.innerText.trim()"
        " && (b => b.x > 200 && b.x < 340 && b.y < 110)(each.getBoundingClientRect()))?.click()"
    )
    for kind in ("keyDown", "keyUp"):  # Alt+E
        page.call("Input.dispatchKeyEvent", type=kind, modifiers=1, key="e", code="KeyE")
    time.sleep(2 * SETTLES)
    held = {"button": "left", "buttons": 1, "clickCount": 1}
    moves = ["mousePressed", *["mouseMoved"] * 8, "mouseReleased"]
    for step, kind in enumerate(moves):  # at a pace that the graph follows
        at = 1150 + 110 * min(step, 8) // 8
        page.call("Input.dispatchMouseEvent", type=kind, x=1740, y=at, **held)
        time.sleep(0.1)
    time.sleep(1)


def let_things_happen(store: MaterializationStore, environment: Mapping[str, str]) -> None:
    """Let the daemon restore a new painting and fail at a turned mask; then plan once more."""

    def status_of(key: str) -> str | None:
        record = store.get("subject_masks", key)
        return None if record is None else record.status

    with dagster_ui(environment):
        inbox = Path(environment["DEEPART_DATA"]) / "inbox"
        inbox.mkdir(exist_ok=True)
        ImageOps.mirror(Image.open(SAMPLE / f"{NEW}.jpg")).save(inbox / "harbour.jpg")
        wait_for("the new painting", lambda: store.done("restoration_sheets", "harbour"), LONGEST)
        mask = decode_grey(store.lake.read(f"subject_masks/{TURNED}.png"), TURNED)
        store.lake.write(f"masks/{TURNED}.png", encode_png(mask.T.copy()))
        wait_for("the turned mask", lambda: status_of(TURNED) == "failed", LONGEST)
        time.sleep(60)  # the rest of that run
    # A plan that finds the failed painting; the command fails with it again.
    subprocess.run([BIN / "deepart", "restore"], cwd=ROOT, env=environment, check=False)


@contextlib.contextmanager
def photographer() -> Iterator[tuple[Browser, Path]]:
    """Open a browser; yield it and the file for its pictures."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        browsing(Path(profile)) as page,
    ):
        yield page, Path(profile) / "shot.png"


def photograph(
    pages: Mapping[str, tuple[str, int, int, str]], environment: Mapping[str, str]
) -> None:
    """Renew pictures of the Dagster UI."""
    if not pages:
        return
    with dagster_ui(environment) as url, photographer() as (page, shot):
        show(page, url, 1360, 900, "Hide navigation")
        with_text(page, "Hide navigation", "click()")
        for name, (path, width, height, text) in pages.items():
            show(page, f"{url}/{path}", width, height, text)
            if name == "lineage":
                arrange_lineage(page)
            if name in CLICKS:
                button, then = CLICKS[name]
                with_text(page, button, "click()")
                with_text(page, then, "scrollIntoView()")
            taken = Image.open(page.screenshot(shot)).convert("RGB")
            few_colours = taken.quantize(96, dither=Image.Dither.NONE)
            few_colours.save(PICTURES / f"{name}.png", optimize=True)
            print(PICTURES / f"{name}.png")


def photograph_desk(environment: Mapping[str, str], wanted: Collection[str]) -> None:
    """Renew the wanted pictures of the desk."""
    pages = {name: page for name, page in DESK.items() if name in wanted}
    if not pages:
        return
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(url):
            return True
        return False

    command = (BIN / "deepart", "desk", "--port", port)
    with running(*command, cwd=ROOT, env=environment), photographer() as (page, shot):
        wait_for("the desk", answers, LONGEST)
        for name, (path, height, there) in pages.items():
            page.size(1280, height)
            page.open(f"{url}/{path}")
            if name == "desk_editor":
                page.wait("!!document.getElementById('correct')")
                page.js("document.getElementById('correct').click()")
            page.wait(there, 60)
            time.sleep(SETTLES)
            Image.open(page.screenshot(shot)).convert("RGB").save(PICTURES / f"{name}.webp")
            print(PICTURES / f"{name}.webp")


def main() -> None:
    """Make the demo unless there is one, and renew the pictures."""
    if shutil.which("chromium") is None:
        sys.exit("there is no chromium: install it with the system's packages")
    wanted = set(sys.argv[2:] or [*PAGES, *LATER, *DESK])
    if unknown := wanted - {*PAGES, *LATER, *DESK}:
        sys.exit(f"there is no picture {', '.join(sorted(unknown))}")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()).resolve()
    environment = {
        **os.environ,
        "DEEPART_DATA": str(folder / "lake"),
        "DAGSTER_HOME": str(folder / "dagster"),
    }
    store = MaterializationStore(Lake(folder / "lake"))
    if not (folder / "dagster").exists():
        (folder / "dagster").mkdir(parents=True)
        shutil.copy(ROOT / ".dagster_home" / "dagster.yaml", folder / "dagster")
        subprocess.run([BIN / "deepart", "demo"], cwd=ROOT, env=environment, check=True)
    if store.get("subject_masks", "harbour") is None:
        photograph_desk(environment, wanted)
        photograph({name: PAGES[name] for name in PAGES if name in wanted}, environment)
        let_things_happen(store, environment)
    photograph({name: LATER[name] for name in LATER if name in wanted}, environment)
    sheet = folder / "lake" / "restoration_sheets" / f"{SHEET}.jpg"
    picture = Image.open(sheet)
    picture.thumbnail((1600, 1600))
    picture.save(PICTURES / "sheet.jpg", quality=85)
    print(f"{PICTURES / 'sheet.jpg'}; the demo is in {folder}")


if __name__ == "__main__":
    main()
