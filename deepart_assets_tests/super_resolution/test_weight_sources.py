import io
import re

import fsspec
import pytest
import torch

from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.settings import places
from deepart_assets.settings.places import PROJECT
from deepart_assets.settings.profile import load_settings, validate_settings
from deepart_assets.settings.weights import BundledWeights, DriveWeights, FileWeights
from deepart_assets.storage import sha256_of
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.weights import (
    fetch_weights,
    provenance_of,
    read_state,
    sources,
    to_bytes,
)
from deepart_assets_tests.loopback import Fault


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return RRDBNet(features=8, blocks=1, growth=4).state_dict()


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def version_of(choice):
    return sources.FINDER.inputs(choice).get("source")


def equal(data, state):
    found = read_state(data, "a")
    return found.keys() == state.keys() and all(found[key].equal(state[key]) for key in state)


# --- Google Drive --------------------------------------------------------------------------------


def on_drive(**more):
    return DriveWeights(kind="drive", file_id="abc", **more)


def test_weights_from_drive_become_safetensors(state, drive, downloads):
    drive.files["abc"] = saved({"params": state})
    data = fetch_weights(on_drive(), downloads)
    assert equal(data, state)
    source = provenance_of(data)
    assert source == {"source": "drive:abc", "source_sha256": sha256_of(drive.files["abc"])}
    drive.files.clear()
    assert version_of(on_drive()) is None
    right = on_drive(sha256=source["source_sha256"].upper())
    assert fetch_weights(right, downloads) == data, "a check is no change"
    with pytest.raises(UnavailableError, match=r"not 0{64}: correct .*psnr_weights\.sha256"):
        fetch_weights(on_drive(sha256="0" * 64), downloads)


def test_a_login_page_from_drive_is_no_file(drive, downloads):
    drive.files["abc"] = b"<!doctype html><html><title>Google Drive</title>Sign in</html>"
    with pytest.raises(UnavailableError, match=r"file abc .*a web page"):
        fetch_weights(on_drive(), downloads)


def test_another_file_is_never_noted_as_the_weights(state, drive, downloads):
    drive.files["abc"] = b"a holiday picture"
    with pytest.raises(UnavailableError, match=r"Drive's file abc .* cannot be read as weights"):
        fetch_weights(on_drive(), downloads)
    drive.files["abc"] = saved(state)
    assert fetch_weights(on_drive(), downloads)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(404, "kind: train"), (500, "Google Drive has an error: try again later")],
)
def test_an_error_of_drive_is_told_with_the_remedy(drive, downloads, status, remedy):
    drive.files["abc"] = b"gone"
    drive.always["abc"] = Fault(status=status)
    with pytest.raises(UnavailableError, match=rf"file abc could not be downloaded.*{remedy}"):
        fetch_weights(on_drive(), downloads)


# --- files ---------------------------------------------------------------------------------------


def of_file(path, **more):
    return FileWeights(kind="file", path=str(path), **more)


def test_a_file_of_weights_and_its_version(state, downloads, tmp_path):
    file = tmp_path / "4xPSNR.pth"
    file.write_bytes(saved({"params_ema": state}))
    digest = sha256_of(file.read_bytes())
    data = fetch_weights(of_file(file), downloads)
    assert equal(data, state)
    assert provenance_of(data) == {"source": "file:4xPSNR.pth", "source_sha256": digest}
    assert version_of(of_file(file)) == digest
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    file.rename(moved / file.name)
    checked = of_file(moved / file.name, sha256=digest.upper())
    assert fetch_weights(checked, downloads) == data, "a file that moved is the same"
    assert version_of(checked) == digest
    (moved / file.name).write_bytes(saved(state))
    with pytest.raises(UnavailableError, match=rf"not {digest}: correct .*psnr_weights\.sha256"):
        fetch_weights(checked, downloads)


def test_a_path_is_relative_to_the_project(state, downloads, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PROJECT", tmp_path)
    (tmp_path / "own.safetensors").write_bytes(to_bytes(state, {"stage": "pixel"}))
    data = fetch_weights(of_file("own.safetensors"), downloads)
    assert equal(data, state)
    assert provenance_of(data)["origin_stage"] == "pixel"


def test_a_file_behind_a_url(state, downloads):
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/weights/a.pth", saved(state))
    choice = of_file("memory://weights/a.pth")
    first = version_of(choice)
    assert first == version_of(choice)
    assert equal(fetch_weights(choice, downloads), state)
    fs.pipe_file("/weights/a.pth", saved({"params": state}))
    assert version_of(choice) != first


@pytest.mark.parametrize("look", [version_of, lambda choice: fetch_weights(choice, None)])
def test_what_cannot_be_read_is_told_without_secrets(tmp_path, look):
    with pytest.raises(UnavailableError, match=r"no file .*none\.pth: set .*psnr_weights\.path"):
        look(of_file(tmp_path / "none.pth"))
    with pytest.raises(UnavailableError, match=r"cannot be read \(Is a directory\)"):
        look(of_file(tmp_path))
    for url in ("ftp://me:word@127.0.0.1:9/a.pth?key=word", "nowhere://me:word@host/a.pth"):
        with pytest.raises(UnavailableError, match=r"//[^@]*/a\.pth cannot be read") as caught:
            look(of_file(url))
        assert "word" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


# --- the project's own ---------------------------------------------------------------------------


def test_bundled_weights_tell_how_they_were_made(state, downloads, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.FINDER, "folder", tmp_path)
    choice = BundledWeights(kind="bundled", name="small")
    with pytest.raises(UnavailableError, match=r"no weights .*small\.safetensors: .*kind: train"):
        fetch_weights(choice, downloads)
    file = tmp_path / "small.safetensors"
    file.write_bytes(to_bytes(state, {"stage": "pixel", "data_set": "12ab"}, half=True))
    data = fetch_weights(choice, downloads)
    digest = sha256_of(file.read_bytes())
    assert equal(data, {key: value.half().float() for key, value in state.items()})
    assert provenance_of(data) == {
        "source": "bundled:small",
        "source_sha256": digest,
        "origin_stage": "pixel",
        "origin_data_set": "12ab",
    }
    assert version_of(choice) == digest
    with pytest.raises(UnavailableError, match=r"psnr_weights\.name to small"):
        version_of(BundledWeights(kind="bundled", name="large"))


def test_bundled_weights_are_looked_for_in_the_project():
    assert sources.FINDER.folder == PROJECT / "data" / "models"


# --- the profile ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kind": "file"}, "psnr_weights.path is missing"),
        ({"kind": "file", "path": "a", "sha256": "12"}, "psnr_weights.sha256: String should match"),
        ({"kind": "registry"}, "'drive', 'file'"),
        ({"kind": "bundled", "name": "../a"}, "psnr_weights.name: String should match"),
        ({"kind": "bundled", "nam": "a"}, "did you mean 'name'"),
        ({"kind": "files"}, "'file'"),
    ],
)
def test_wrong_settings_are_explained(settings, fault):
    content = load_settings("sample").model_dump(mode="json", exclude={"profile"})
    content["super_resolution"]["psnr_weights"] = settings
    with pytest.raises(SettingsError, match=re.escape(fault)):
        validate_settings({"profile": "own", **content}, "own.yaml")
