"""LaMa and MI-GAN: files in every published layout, what is painted with them, and refusals."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting import build_outpainter, outpaint, subject_difference
from deepart_assets.outpainting.inpainting.lama import generator_of
from deepart_assets.outpainting.inpainting.networks import read_network
from deepart_assets.settings.outpainting import Inpainting
from deepart_assets.storage import sha256_of_file
from deepart_assets.storage.torchscript import read_torchscript
from deepart_assets_tests.hub import point_at, serve_hub
from deepart_assets_tests.outpainting.inpainting_files import (
    lama_state,
    migan_pipeline,
    published,
    torchscript,
)
from deepart_assets_tests.outpainting.tiny_pipelines import asked, unfinished


def saved(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def outpainter(file, **more):
    weights = {"kind": "file", "path": str(file)}
    return build_outpainter(Inpainting(kind="inpainting", weights=weights, **more))


@pytest.fixture
def migan(tmp_path):
    file = tmp_path / "migan_pipeline_v2.onnx"
    file.write_bytes(migan_pipeline())
    return file


# --- MI-GAN --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (40, 96), (97, 33)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_migan_sees_the_subject_alone_in_a_square(migan, size, scale):
    painting = unfinished(*size)
    known = painting[..., 3] == 255
    painting[known, :3] = (200, 60, 20)
    painter = outpainter(migan, scale=scale)
    request = asked(*size)
    request.picture[:] = painting[..., :3]
    request.picture[~request.known] = 255  # what must not be seen
    [picture] = painter([request])
    assert picture.shape == (*size, 3)
    far = ~known
    middle = tuple(slice(side // 8, -side // 8) for side in size)
    far[middle] = False
    assert (np.abs(picture[far].astype(int) - (200, 60, 20)) <= 1).all()
    result = outpaint(painter, np.ascontiguousarray(painting))
    assert subject_difference(painting, result) == 0


def test_chance_changes_nothing(migan):
    painter = outpainter(migan)
    assert not painter.descriptor.stochastic
    one, two = (painter([replace(asked(), seed=seed)])[0] for seed in (1, 2))
    assert np.array_equal(one, two)


def test_memory_that_runs_out_fails_one_painting(migan, monkeypatch):
    painter = outpainter(migan)

    def fill(*_):
        raise MemoryError

    monkeypatch.setattr(painter, "_network", type("N", (), {"fill": fill})())
    with pytest.raises(PaintingError, match=r"does not hold .*onnx and a picture of 64×64.*scale"):
        painter([asked()])


def test_memory_that_runs_out_while_loading_fails_one_painting(migan, monkeypatch):
    def load(*_, **__):
        raise MemoryError

    monkeypatch.setattr("onnxruntime.InferenceSession", load)
    with pytest.raises(PaintingError, match=r"does not hold .*onnx and a picture of 64×64.*scale"):
        outpainter(migan)([asked()])


@pytest.mark.parametrize("place", ["torch.load", "spandrel.MAIN_REGISTRY.load"])
def test_memory_that_runs_out_in_a_library_is_no_damage(lama, monkeypatch, place):
    def load(*_, **__):
        raise MemoryError

    monkeypatch.setattr(place, load)
    with pytest.raises(PaintingError, match=r"does not hold .*pth and a picture of 64×64.*scale"):
        outpainter(lama._file)([asked()])


# --- LaMa ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lama(tmp_path_factory):
    file = tmp_path_factory.mktemp("lama") / "big-lama.pth"
    file.write_bytes(saved(published()))
    return outpainter(file)


def test_lama_paints_from_the_subject_alone(lama):
    request = asked(50, 37)
    [picture] = lama([request])
    assert picture.shape == (50, 37, 3)
    assert np.array_equal(picture[request.known], request.picture[request.known])
    assert picture[~request.known].std() > 0
    other = asked(50, 37)
    other.picture[~other.known] = 255
    assert np.array_equal(lama([other])[0], picture)
    assert lama.weights_hash() == sha256_of_file(lama._file)


def test_every_layout_gives_the_same_tensors():
    few = dict(list(lama_state().items())[:8])
    named = {f"generator.{name.removeprefix('model.')}": each for name, each in few.items()}
    training = {"state_dict": {**named, "discriminator.weight": torch.ones(3)}, "epoch": 3}
    bare = {name.removeprefix("model."): each for name, each in few.items()}
    for content in (few, named, bare, training, read_torchscript(torchscript(named), "w")):
        found = generator_of(content)
        assert list(found) == list(few)
        assert all(torch.equal(found[name], each) for name, each in few.items())


def test_torchscript_is_read_without_being_run():
    state = {
        "generator.0.weight": torch.rand(3, 2, dtype=torch.float16),
        "generator.0.count": torch.tensor(7),
        "generator.empty": torch.rand(0, 4),
        "bias": torch.rand(4, 6).double().t(),
    }
    found = read_torchscript(torchscript(state), "w")
    assert {k: v.dtype for k, v in found.items()} == {k: v.dtype for k, v in state.items()}
    assert all(torch.equal(found[name], each) for name, each in state.items())


# --- refusals ------------------------------------------------------------------------------------


def harmful():
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("w/constants.pkl", b"")
        archive.writestr("w/data.pkl", b"cos\nsystem\n(S'touch harmed'\ntR.")
    return buffer.getvalue()


def other_sizes():
    state = published()
    state["generator.model.1.ffc.convl2l.weight"] = torch.ones(64, 5, 7, 7)
    return saved(state)


def not_finite():
    state = dict(published())
    name = "generator.model.1.ffc.convl2l.weight"
    return saved(state | {name: torch.full_like(state[name], torch.nan)})


REFUSED = {
    "empty": (lambda: b"", "w is empty"),
    "a web page": (lambda: b"<!DOCTYPE html><html></html>", "a web page"),
    "harmful": (harmful, r"system is in it\): fetch it again"),
    "cut short": (lambda: torchscript({"a": torch.ones(9)})[:-30], r"w \(\d+ bytes\) cannot be"),
    "damaged ONNX": (lambda: migan_pipeline()[:-40], "cannot be read as an ONNX model"),
    "another ONNX network": (
        lambda: migan_pipeline("picture", "FLOAT"),
        r"another network, which takes picture tensor\(float\).*give LaMa .*migan_pipeline_v2",
    ),
    "unknown": (lambda: save({"a": torch.ones(1)}), r"an unknown architecture.*give LaMa"),
    "another number of channels": (other_sizes, "cannot be loaded|not for RGB"),
    "no numbers": (not_finite, "not finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_neither_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, message = REFUSED[name]
    with pytest.raises(UnavailableError, match=message):
        read_network(make(), "w")
    assert not (tmp_path / "harmed").exists()


def test_a_network_that_enlarges_fills_no_holes():
    from spandrel.architectures.SPAN import SPAN

    net = SPAN(num_in_ch=3, num_out_ch=3, feature_channels=4, upscale=4)
    with pytest.raises(
        UnavailableError, match="w is SPAN, which is not an inpainting model: give LaMa"
    ):
        read_network(saved(net.state_dict()), "w")


def test_from_the_hub_and_then_without_it(tmp_path, monkeypatch):
    weights = {"kind": "hub", "model": "owner/model", "file": "migan_pipeline_v2.onnx"}
    settings = Inpainting(kind="inpainting", weights=weights)
    with serve_hub(tmp_path / "hub", monkeypatch) as hub:
        hub.files["migan_pipeline_v2.onnx"] = migan_pipeline()
        first = build_outpainter(settings)([asked()])
    point_at("http://127.0.0.1:9", tmp_path / "hub", monkeypatch)
    assert np.array_equal(build_outpainter(settings)([asked()]), first)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError, match=r"There is no file .*set the outpainter's weights"):
        outpainter(tmp_path / "none.onnx")([asked()])


def test_lama_has_the_published_number_of_tensors():
    assert len(lama_state()) == 989
