"""Pipelines from a server of this machine in the hub's place, which refuses as the real one."""

import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets_tests.outpainting.tiny_pipelines import (
    asked,
    hash_of,
    settings_for,
)

# --- the hub -------------------------------------------------------------------------------------

COMMIT = "0123456789abcdef" * 2 + "01234567"


@dataclass
class Hub:
    """What is served under the id owner/model, and what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)


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
        if self.path.startswith("/api/models/owner/model/tree"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": "0"}
                for name, data in self.hub.files.items()
            ]
            self.answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
            return
        if self.path.startswith("/api/models/owner/model"):
            listed = [{"rfilename": name} for name in self.hub.files]
            info = {"id": "owner/model", "sha": COMMIT, "siblings": listed, "tags": []}
            self.answer(200, json.dumps(info).encode(), {"Content-Type": "application/json"})
            return
        found = re.fullmatch(r"/owner/model/resolve/[^/]+/(.+)", self.path)
        data = self.hub.files.get(found[1]) if found else None
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


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[Hub]:
    served = Hub()
    handler = type("Handler", (_Handler,), {"hub": served})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    point_at(served.url, tmp_path / "cache", monkeypatch)
    yield served
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_the_hub_refuses_is_explained(hub, kind):
    painter = build_outpainter(settings_for(f"owner/{kind}"))
    with pytest.raises(UnavailableError, match=REFUSALS[kind][2]):
        painter.weights_hash()
    with pytest.raises(UnavailableError, match=REFUSALS[kind][2]):
        painter([asked()])


def test_no_network_and_nothing_in_the_cache(tmp_path, monkeypatch):
    # Nothing listens there: what an unreachable hub looks like, at once.
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)
    match = "owner/model cannot be fetched .*check the network, or set .* to a local folder"
    with pytest.raises(UnavailableError, match=match):
        hash_of("owner/model")


def test_fetched_without_what_is_not_used_and_afterwards_from_the_cache(
    hub, folder, tmp_path, monkeypatch
):
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    hub.files = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    } | {
        "model_index.json": json.dumps(index).encode(),
        "README.md": b"about it",
        "v1-5-pruned.safetensors": b"a checkpoint in one file",
        "safety_checker/config.json": b"{}",
        "safety_checker/model.safetensors": b"large",
        "unet/diffusion_pytorch_model.bin": b"a pickle",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"half of it",
    }
    painter = build_outpainter(settings_for("owner/model"))
    [picture] = painter([asked()])
    assert sorted(set(hub.fetched)) == sorted(
        {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    )
    assert (picture == build_outpainter(settings_for(folder))([asked()])[0]).all()
    point_at("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    offline = build_outpainter(settings_for("owner/model"))
    assert offline.weights_hash() == painter.weights_hash()
    assert (offline([asked()])[0] == picture).all()


def test_a_model_of_pickles_is_refused_and_not_fetched(hub, folder):
    hub.files = {
        str(file.relative_to(folder)).replace(".safetensors", ".bin"): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    with pytest.raises(UnavailableError, match="owner/model has no weights in safetensors"):
        hash_of("owner/model")
    assert not [name for name in hub.fetched if name.endswith(".bin")]


def test_a_model_of_another_kind_is_refused_and_not_fetched(hub):
    hub.files = {"model_index.json": b'{"_class_name": "FluxPipeline"}', "vae/config.json": b"{}"}
    with pytest.raises(UnavailableError, match="owner/model holds a FluxPipeline, which cannot"):
        hash_of("owner/model")
    assert hub.fetched == ["model_index.json"]


def test_a_model_that_is_no_pipeline_is_refused_and_not_fetched(hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"a network of transformers"}
    with pytest.raises(UnavailableError, match="owner/model does not hold a pipeline"):
        hash_of("owner/model")
    assert hub.fetched == []
