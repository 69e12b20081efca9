"""Looking fetches no model; what libraries fetch is reported while it comes."""

import time

import pytest
from filelock import FileLock

from deepart_assets import progress
from deepart_assets.errors import NotFetchedError
from deepart_assets.settings import load_settings
from deepart_assets.settings.segmenters import Salient
from deepart_assets.storage.downloads import Download, Downloads
from deepart_assets.storage.fetching import fetching, may_fetch, reported
from deepart_assets.storage.hub import check_disk, download_file, download_model
from deepart_assets.storage.lake import Lake
from deepart_assets.super_resolution.training.feature_networks import find_feature_network
from deepart_assets_tests.hub import serve_hub


def test_a_look_takes_models_that_are_here_and_fetches_none(tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files["a.json"] = b"{}"
        with fetching(False, print):
            with pytest.raises(NotFetchedError, match="the model owner/model is not on this mach"):
                download_model("owner/model", None, ["*.json"], "the.model")
            with pytest.raises(NotFetchedError, match="owner/model"):
                download_file("owner/model", "a.json", None, "the.model")
            check_disk("owner/model", None, ["*.json"])
            assert not hub.fetched
        hub.files["b.json"] = b"[]"
        download_file("owner/model", "a.json", None, "the.model")
        with fetching(False, print), pytest.raises(NotFetchedError):  # a part of it is there
            download_model("owner/model", None, ["*.json"], "the.model")
        folder = download_model("owner/model", None, ["*.json"], "the.model")
        assert sorted(hub.fetched) == ["a.json", "b.json"]
        with fetching(False, print):
            assert download_model("owner/model", None, ["*.json"], "the.model") == folder
            assert download_file("owner/model", "a.json", None, "the.model") == folder / "a.json"
        assert may_fetch()


def test_a_look_downloads_nothing(tmp_path):
    downloads = Downloads(tmp_path / "cache", Lake(tmp_path / "lake"))
    wanted = Download("a.zip", "Kaggle's a.zip", lambda session: pytest.fail("asked"), "wait")
    refused = tmp_path / "cache" / "a.zip.refused"
    refused.parent.mkdir()
    refused.write_bytes(b"other bytes")
    downloading = FileLock(tmp_path / "cache" / ".a.zip")
    with downloading, fetching(False, print), pytest.raises(NotFetchedError, match="Kaggle's"):
        downloads.fetch(wanted)
    assert refused.exists()


def test_a_look_does_not_take_a_network_that_is_not_here_for_its_fallback(tmp_path):
    downloads = Downloads(tmp_path / "cache", Lake(tmp_path / "lake"))
    loss = load_settings("gpu").super_resolution.art_esrgan.train.perceptual_opt
    assert loss.fallback is not None
    with fetching(False, print), pytest.raises(NotFetchedError):
        find_feature_network(loss, downloads)


def test_a_look_fetches_no_model_of_rembg(tmp_path, monkeypatch):
    pytest.importorskip("rembg")
    from rembg.sessions import sessions

    from deepart_assets.segmentation.salient import SalientSegmenter

    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    kind = sessions["u2netp"]
    monkeypatch.setattr(kind, "download_models", lambda *_: pytest.fail("fetched"))
    segmenter = SalientSegmenter(Salient(kind="salient", model="u2netp"))
    with fetching(False, print), pytest.raises(NotFetchedError, match="the model u2netp is not"):
        segmenter.weights_hash()
    (tmp_path / "u2netp.onnx").write_bytes(b"1")
    with fetching(False, print):
        assert len(segmenter.weights_hash()) == 64


def test_what_a_library_fetches_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0)
    folder, lines = tmp_path / "models" / "a", []
    (tmp_path / "models").mkdir()
    with fetching(True, lines.append), reported("owner/model", folder, seconds=0.01):
        folder.mkdir()
        (folder / "a.incomplete").write_bytes(b"0" * 200_000_000)
        (folder / "link").symlink_to(folder / "a.incomplete")
        end = time.monotonic() + 20
        while not lines and time.monotonic() < end:
            time.sleep(0.01)
    assert lines[-1].startswith("owner/model: 0.2 GB, ")
