"""A server of this machine in place of Kaggle and Google Drive, which can fail in every way.

The real packages kaggle, gdown and requests talk to it. `Site.files` is what it serves; a fault is
put on a file for so many requests, and `Site.requests` says afterwards what was asked for.
"""

import email.utils
import functools
import hashlib
import http.server
import io
import json
import re
import socket
import sys
import threading
import urllib.parse
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECRET = "b5c1f0secret"
"""Stands in the key and in signed addresses, and may be shown nowhere."""

LOG_IN = b"<!DOCTYPE html><html><title>Sign in - Google Accounts</title></html>"

DATE = 1_700_000_000


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong; what is not set is as it should be.

    `cut`: the connection ends after so many bytes of the body. `stall`: nothing comes after so
    many bytes until `Site.resume` is set. `declared`: what Content-Length says, as a difference to
    the truth. `page`: comes with status 200 in the file's place. `ranges`: whether Range is
    understood. `etag`: another version's; with `stubborn` it is sent whatever If-Range says.
    `drop`: the connection ends before any answer.
    """

    status: int | None = None
    retry_after: str | None = None
    cut: int | None = None
    stall: int | None = None
    declared: int = 0
    page: bytes | None = None
    ranges: bool = True
    etag: str | None = None
    stubborn: bool = False
    drop: bool = False


@dataclass
class Request:
    """One request for a file: where from, and how many bytes of it were sent."""

    name: str
    start: int
    sent: int = 0
    status: int = 0
    conditional: str | None = None
    authorization: str | None = None


@dataclass
class Site:
    """What is served, how it fails, and what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """By file: the fault of the next answer, of the one after it, and so on."""
    always: dict[str, Fault] = field(default_factory=dict)
    """By file: the fault of every answer that `faults` says nothing of."""
    requests: list[Request] = field(default_factory=list)
    resume: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    """Is set when an answer stalls."""
    validators: bool = True
    """Whether answers name the version of the file."""
    kaggle_status: int = 200
    kaggle_calls: list[str] = field(default_factory=list)
    """The files that Kaggle's API was asked for."""
    authorizations: list[str | None] = field(default_factory=list)
    signed_for: int = 1_000_000
    """So many requests a signed address is good for."""
    confirm: str | None = None
    """Google Drive's page before a large file: "form", "form-relative" or "link"."""
    _uses: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sent(self, name: str) -> int:
        """Return how many bytes of a file were sent in all."""
        return sum(request.sent for request in self.requests if request.name == name)

    def asked(self, name: str) -> list[Request]:
        """Return the requests for a file."""
        return [request for request in self.requests if request.name == name]

    def next_fault(self, name: str) -> Fault:
        with self._lock:
            planned = self.faults.get(name)
            return planned.pop(0) if planned else self.always.get(name, Fault())

    def sign(self, name: str) -> str:
        with self._lock:
            signature = f"{SECRET}{len(self.kaggle_calls)}"
            self._uses[signature] = 0
        return f"/files/{urllib.parse.quote(name)}?signature={signature}"

    def is_signed(self, signature: str) -> bool:
        with self._lock:
            self._uses[signature] += 1
            return self._uses[signature] <= self.signed_for


@contextmanager
def serve() -> Iterator[Site]:
    """Run a site until the block ends."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.02), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.resume.set()
        server.shutdown()
        server.server_close()


def as_kaggle(site: Site, monkeypatch, home: Path) -> Site:
    """Let the package kaggle take the site for Kaggle, with credentials of its own."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    monkeypatch.setenv("KAGGLE_USERNAME", "painter")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)
    from kagglesdk import kaggle_env

    endpoints = {**kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD: site.url}
    monkeypatch.setattr(kaggle_env, "_env_to_endpoint", endpoints)
    from kaggle.api.kaggle_api_extended import KaggleApi

    for name in ("config_dir", "config"):  # set from the environment when kaggle is imported
        monkeypatch.setattr(KaggleApi, name, str(home / "kaggle.json"))
    return site


def as_drive(site: Site, monkeypatch) -> Site:
    """Let the site be taken for Google Drive; a file's name is its id."""
    monkeypatch.setattr("deepart_assets.storage.drive.DRIVE_URL", site.url + "/uc?id={file_id}")
    return site


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # the client went away
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Kaggle's API: a signed address for a file of the competition."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        site, name = self.site, body["fileName"]
        site.kaggle_calls.append(name)
        site.authorizations.append(self.headers.get("Authorization"))
        if site.kaggle_status != 200 or name not in site.files:
            self._answer(site.kaggle_status if site.kaggle_status != 200 else 404, b"{}")
            return
        self.send_response(302)
        self.send_header("Location", site.sign(name))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        query = {key: value[0] for key, value in urllib.parse.parse_qs(address.query).items()}
        if address.path == "/uc" and self.site.confirm and "confirm" not in query:
            self._answer(200, self._confirmation(query["id"]), "text/html; charset=utf-8")
            return
        if "signature" in query and not self.site.is_signed(query["signature"]):
            self._answer(403, b"<Error><Code>ExpiredToken</Code></Error>", "application/xml")
            return
        self._file(query.get("id") or urllib.parse.unquote(address.path.rsplit("/", 1)[-1]))

    def _confirmation(self, file_id: str) -> bytes:
        """Google Drive's page that says that it cannot scan a large file for viruses."""
        hidden = {"id": file_id, "export": "download", "confirm": "t", "uuid": SECRET}
        if self.site.confirm == "link":
            link = f"/uc?export=download&amp;confirm=t&amp;id={file_id}"
            return f'<html><a id="uc-download-link" href="{link}">Download</a></html>'.encode()
        inputs = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in hidden.items())
        host = "" if self.site.confirm == "form-relative" else self.site.url
        form = f'<form id="download-form" action="{host}/download" method="get">{inputs}</form>'
        return f"<!DOCTYPE html><html><title>Virus scan warning</title>{form}</html>".encode()

    def _file(self, name: str) -> None:
        data = self.site.files.get(name)
        if data is None:
            self._answer(404, b"none", "text/plain")
            return
        if self.headers.get("Range") == "bytes=0-0":  # only to see what it is
            status = self.site.always.get(name, Fault()).status
            self._answer(status or 206, data[:1], "application/octet-stream")
            return
        fault = self.site.next_fault(name)
        if fault.drop:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        etag = f'"{fault.etag or hashlib.md5(data).hexdigest()}"'
        start = self._start(etag, fault.stubborn) if fault.ranges else None
        request = Request(
            name,
            start or 0,
            conditional=self.headers.get("If-Range"),
            authorization=self.headers.get("Authorization"),
        )
        self.site.requests.append(request)
        if fault.status is not None:
            request.status = fault.status
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._answer(fault.status, b"no", "text/plain", extra)
        elif fault.page is not None:
            request.status = 200
            self._answer(200, fault.page, "text/html")
        elif start is not None and start >= len(data):
            request.status = 416
            self._answer(416, b"", "text/plain", {"Content-Range": f"bytes */{len(data)}"})
        else:
            request.status = 200 if start is None else 206
            self._send(data, start, etag, fault, request)

    def _start(self, etag: str, stubborn: bool) -> int | None:
        """Return where the answer begins, or None for the whole file."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if found is None or (condition not in (None, etag) and not stubborn):
            return None
        return int(found[1])

    def _send(
        self, data: bytes, start: int | None, etag: str, fault: Fault, request: Request
    ) -> None:
        body = data[start or 0 :]
        self.send_response(request.status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body) + fault.declared))
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.site.validators:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", email.utils.formatdate(DATE, usegmt=True))
        self.end_headers()
        try:
            if fault.stall is not None:
                self._write(body[: fault.stall], request)
                self.site.stalled.set()
                self.site.resume.wait(30)
                body = body[fault.stall :]
            self._write(body[: fault.cut], request)
        except OSError:  # the client went away
            self.close_connection = True
        if fault.cut is not None or fault.declared:
            self.close_connection = True

    def _write(self, body: bytes, request: Request) -> None:
        for place in range(0, len(body), 1 << 16):
            block = body[place : place + (1 << 16)]
            self.wfile.write(block)
            request.sent += len(block)

    def _answer(
        self,
        status: int,
        data: bytes,
        kind: str = "application/json",
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
