"""What is said of the models that a profile fetches, before its first run."""

import pytest
from huggingface_hub import constants

from deepart_assets.assets.model_fetches import model_fetches
from deepart_assets.settings import load_settings
from deepart_assets.settings.diffusion import GGUF, Diffusers
from deepart_assets.settings.outpainting import Inpainting
from deepart_assets.settings.weights import UrlWeights
from deepart_assets.storage.weights import url_place
from deepart_assets_tests.hub import serve_hub


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without models, which reaches no hub."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("REMBG_HOME", str(tmp_path / "rembg"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("U2NET_HOME", raising=False)
    return tmp_path


def test_the_sample_fetches_nothing(bare):
    assert model_fetches(load_settings("sample")) == []


@pytest.mark.parametrize("profile", ["pretrained", "pretrained_16gb", "pretrained_cpu"])
def test_each_model_is_named_with_its_folder(bare, profile):
    settings = load_settings(profile)
    fetches = {each.name: each for each in model_fetches(settings)}
    masks = next(name for name in fetches if name.endswith("(rembg)"))
    assert masks.startswith(settings.segmentation.segmenter.model)
    assert fetches[masks].licence == "MIT" and fetches[masks].size > 2e8
    painter = next(each for each in settings.outpainters.values() if hasattr(each, "model"))
    for each in (painter, *painter.loras):
        line = str(fetches[each.model])
        assert line.endswith(f"size unknown, licence unknown, to {bare / 'hub'}")
    on_drive = any("Google Drive" in name for name in fetches)
    assert on_drive == (profile != "pretrained_cpu")


def test_what_is_there_is_not_fetched_again(bare):
    settings = load_settings("pretrained")
    before = {each.name for each in model_fetches(settings)}
    there = bare / "rembg" / f"{settings.segmentation.segmenter.model}.onnx"
    there.parent.mkdir()
    there.touch()
    gone = before - {each.name for each in model_fetches(settings)}
    assert gone == {f"{there.stem} (rembg)"}


@pytest.mark.parametrize("model", ["https://huggingface.co/a/b", "./models/missing", "a/b/c"])
def test_what_is_no_id_of_a_model_is_left_to_the_step_that_needs_it(bare, model):
    settings = load_settings("pretrained")
    [name] = (name for name, each in settings.outpainters.items() if hasattr(each, "model"))
    wrong = settings.outpainters[name].model_copy(update={"model": model, "loras": ()})
    changed = settings.model_copy(update={"outpainters": {name: wrong}})
    assert model not in {each.name for each in model_fetches(changed)}


def test_the_file_that_replaces_a_network_is_named_and_the_network_does_not_count(
    tmp_path, monkeypatch
):
    model = "black-forest-labs/FLUX.1-Fill-dev"
    quantization = GGUF(kind="gguf", model="owner/model", file="flux.gguf")
    painter = Diffusers(kind="diffusers", model=model, quantization=quantization)
    settings = load_settings("sample").model_copy(update={"outpainters": {"flux": painter}})
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files["flux.gguf"] = b"0" * 300
        hub.others[model] = {
            "model_index.json": b"{}",
            "transformer/model.safetensors": b"0" * 50_000,
            "vae/model.safetensors": b"0" * 1000,
        }
        fetches = {each.name: each.size for each in model_fetches(settings)}
    assert fetches == {"owner/model": 300, model: 1002}


def test_a_file_of_that_name_from_another_address_is_no_model_that_is_there(bare, monkeypatch):
    monkeypatch.setenv("DEEPART_CACHE", str(bare / "cache"))
    addresses = [f"https://example.org/{version}/model.pth" for version in ("v1", "v[2]")]
    there = bare / "cache" / url_place(addresses[0])
    there.parent.mkdir(parents=True)
    there.touch()
    for address, wanted in zip(addresses, ([], ["model.pth"]), strict=True):
        painter = Inpainting(kind="inpainting", weights=UrlWeights(kind="url", url=address))
        settings = load_settings("sample").model_copy(update={"outpainters": {"lama": painter}})
        assert [each.name for each in model_fetches(settings)] == wanted
