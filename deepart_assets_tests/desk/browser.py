"""A real Chromium, driven through its DevTools protocol: pages are opened, clicked and drawn on."""

import base64
import contextlib
import itertools
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect


class Browser:
    """One tab."""

    def __init__(self, address: str) -> None:
        self._socket = connect(address, max_size=None)
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=180))
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"])[:600])
            if answer.get("method") == "Log.entryAdded":
                entry = answer["params"]["entry"]
                if entry["level"] == "error":
                    self.errors.append(f"{entry['text']} {entry.get('url', '')}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def size(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression: str, seconds: float = 90) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(RuntimeError):  # a page that is just being loaded
                if found := self.js(expression):
                    return found
            if time.monotonic() > deadline:
                said = self.js("document.getElementById('message')?.textContent")
                raise AssertionError(f"never: {expression}; {self.errors}; the page said {said!r}")
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float) -> None:
        pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        held = 0 if kind == "mouseReleased" else 1
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=held, **pressed)

    def drag(self, points: list[tuple[float, float]]) -> None:
        self.mouse("mousePressed", *points[0])
        for x, y in points[1:]:
            self.mouse("mouseMoved", x, y)
        self.mouse("mouseReleased", *points[-1])

    def click(self, selector: str) -> None:
        """Click into the middle of an element, once it is there and has come to rest."""
        at = (
            f"(() => {{ const e = document.querySelector({selector!r}); if (!e) return null;"
            " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " const [x, y] = [b.x + b.width / 2, b.y + b.height / 2];"
            " return e.contains(document.elementFromPoint(x, y)) ? [x, y] : null; })()"
        )
        before, found = None, self.wait(at)
        while found != before:
            time.sleep(0.05)
            before, found = found, self.wait(at)
        self.drag([tuple(found), tuple(found)])

    def click_until(self, selector: str, expression: str, seconds: float = 60) -> None:
        """Click, again if the page moved away under the pointer, until an expression is true."""
        deadline = time.monotonic() + seconds
        while True:
            self.click(selector)
            with contextlib.suppress(AssertionError):
                self.wait(expression, min(5, deadline - time.monotonic()))
                return
            assert time.monotonic() < deadline, f"{selector} does nothing; {self.errors}"

    def screenshot(self, file: Path) -> Path:
        data = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))
        return file


@contextlib.contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A tab of a Chromium of its own, whose profile is in `folder`."""
    process = subprocess.Popen(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={folder / 'chromium'}", "--remote-debugging-port=0", "about:blank"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines = (re.search(r"ws://127.0.0.1:(\d+)/", line) for line in process.stderr)
        port = next(found[1] for found in lines if found)
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            tabs = json.load(answer)
        yield Browser(next(each for each in tabs if each["type"] == "page")["webSocketDebuggerUrl"])
    finally:
        process.terminate()
        process.wait(20)
