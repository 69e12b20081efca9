"""A server of this machine in the place of the Hugging Face hub, which refuses as the real one."""

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from deepart_assets.compat import prepare

COMMIT = "0123456789abcdef" * 2 + "01234567"


@dataclass
class Hub:
    """What is served, by model id, and what was asked for; `files` are those of owner/model."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    others: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def model_of(self, path: str) -> tuple[str, dict[str, bytes]]:
        """Return the id and the files of the model that an address is about."""
        found = re.match(r"(?:/api/models)?/([^/]+/[^/?]+)", path)
        model = found[1] if found else ""
        return model, self.files if model == "owner/model" else self.others.get(model, {})


REFUSALS = {
    "missing": (404, "RepoNotFound", "there is no model owner/missing .*correct the outpainter's"),
    "gated": (403, "GatedRepo", "owner/gated is gated: accept its licence .*`hf auth login`"),
    "broken": (
        500,
        "",
        "owner/broken cannot be fetched .*check the network, or set the outpainter",
    ),
}


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self):
        for name, (status, code, _) in REFUSALS.items():
            if f"owner/{name}" in self.path:
                self.answer(status, b"", {"X-Error-Code": code} if code else {})
                return
        model, files = self.hub.model_of(self.path)
        if self.path.startswith(f"/api/models/{model}/tree"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": "0"}
                for name, data in files.items()
            ]
            self.answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
            return
        if self.path.startswith(f"/api/models/{model}"):
            listed = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            licence = self.hub.licences.get(model)
            tags = [f"license:{licence}"] if licence else []
            info = {"id": model, "sha": COMMIT, "siblings": listed, "tags": tags}
            self.answer(200, json.dumps(info).encode(), {"Content-Type": "application/json"})
            return
        found = re.fullmatch(rf"/{model}/resolve/[^/]+/(.+)", self.path)
        data = files.get(found[1]) if found else None
        if data is None:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        if self.command == "GET":
            self.hub.fetched.append(found[1])
        tag = hashlib.sha1(data).hexdigest()
        self.answer(200, data, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    do_HEAD = do_GET

    def answer(self, status, data, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def point_at(url, cache, monkeypatch):
    """Let huggingface_hub and diffusers take an address for the hub, with a cache of its own."""
    prepare()
    import diffusers.pipelines.pipeline_utils
    import huggingface_hub.constants

    template = huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE
    template = template.replace(huggingface_hub.constants.ENDPOINT, url)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(diffusers.pipelines.pipeline_utils.model_info.__self__, "endpoint", url)


@contextlib.contextmanager
def serve_hub(cache, monkeypatch) -> Iterator[Hub]:
    """Let what would go to the hub come here, with a cache of its own."""
    served = Hub()
    handler = type("Handler", (_Handler,), {"hub": served})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    point_at(served.url, cache, monkeypatch)
    yield served
    server.shutdown()
    server.server_close()
