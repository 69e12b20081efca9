"""Models of the hub, from a server in its place that refuses as the real one does."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from huggingface_hub import snapshot_download

from deepart_assets.errors import UnavailableError
from deepart_assets.settings import places
from deepart_assets.storage.hub import download_file, hash_of_model, model_folder

ANSWERS = {
    "gated": (403, "GatedRepo", "is gated: accept its licence .*`hf auth login`"),
    "missing": (404, "RepoNotFound", "there is no model owner/missing .*correct the.model"),
    "revision": (404, "RevisionNotFound", "cannot be fetched.*set the.model to a local folder"),
    "broken": (500, "", "cannot be fetched .*check the network"),
    "rejected": (403, "GatedRepo", 'was rejected .*"Your request .* rejected.*ask its owner'),
    "awaiting": (403, "GatedRepo", "awaits its owner's answer"),
    "badtoken": (401, "", "Invalid credentials.*`hf auth login`, or unset HF_TOKEN"),
    "forbidden": (403, "", r"\(403\).*the token may not read it"),
    "busy": (429, "", "too many requests: wait"),
    "legal": (451, "", "not available for legal reasons"),
}
SAID = {
    "rejected": "Your request to access model owner/rejected has been rejected by the authors",
    "awaiting": "Your request to access model owner/awaiting is awaiting a review",
    "badtoken": "Invalid credentials in Authorization header",
}


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = next(each for each in ANSWERS if f"owner/{each}" in self.path)
        status, code, _ = ANSWERS[kind]
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if kind in SAID:
            self.send_header("X-Error-Message", SAID[kind])
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_refusals_are_explained(kind, hub, tmp_path):
    def fetch() -> str:
        return snapshot_download(f"owner/{kind}", endpoint=hub, cache_dir=tmp_path)

    with pytest.raises(UnavailableError, match=ANSWERS[kind][2]) as caught:
        model_folder(f"owner/{kind}", "the.model", fetch)
    assert f"owner/{kind}" in str(caught.value)


def test_a_url_is_no_id(tmp_path):
    def fetch() -> str:
        return snapshot_download("https://huggingface.co/owner/name", cache_dir=tmp_path)

    with pytest.raises(UnavailableError, match=r'correct the.model \(an id is "owner/name"'):
        model_folder("https://huggingface.co/owner/name", "the.model", fetch)


def test_a_local_folder_is_taken_and_nothing_fetched(tmp_path):
    assert model_folder(str(tmp_path), "the.model", lambda: pytest.fail("fetched")) == tmp_path


def test_a_folder_is_found_as_other_paths_of_a_profile_are(tmp_path, monkeypatch):
    """Below the home folder, or below the project wherever the process runs."""
    model = tmp_path / "models" / "mine"
    model.mkdir(parents=True)
    (model / "a.gguf").write_bytes(b"1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(places, "PROJECT", tmp_path)
    for path in ("~/models/mine", "models/mine"):
        assert model_folder(path, "the.model", lambda: pytest.fail("fetched")) == model
        assert download_file(path, "a.gguf", None, "the.model") == model / "a.gguf"
    assert model_folder("owner/mine", "the.model", lambda: str(model)) == model  # an id


def test_the_hash_follows_names_and_contents_of_what_matches(tmp_path):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "a.safetensors").write_bytes(b"1")
    (tmp_path / "b.safetensors").write_bytes(b"2")
    first = hash_of_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert hash_of_model(tmp_path) == first
    assert hash_of_model(tmp_path, ("*.safetensors", "*.json")) != first
    (tmp_path / "b.safetensors").rename(tmp_path / "c.safetensors")
    renamed = hash_of_model(tmp_path)
    (tmp_path / "c.safetensors").write_bytes(b"3")
    assert len({first, renamed, hash_of_model(tmp_path)}) == 3


def test_a_cached_file_that_is_named_by_its_hash_hashes_as_a_plain_one(tmp_path):
    import hashlib

    data = b"weights"
    blob = tmp_path / "blobs" / hashlib.sha256(data).hexdigest()
    blob.parent.mkdir()
    blob.write_bytes(data)
    linked, plain = tmp_path / "linked", tmp_path / "plain"
    for folder in (linked, plain):
        folder.mkdir()
    (linked / "model.safetensors").symlink_to(blob)
    (plain / "model.safetensors").write_bytes(data)
    assert hash_of_model(linked) == hash_of_model(plain)
