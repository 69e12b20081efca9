"""Weights in fewer bits: rounded by torchao, from a GGUF file, and what is refused."""

import importlib.util
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion import quantization as rules
from deepart_assets.outpainting.diffusion.loading import NETWORKS, find_folder
from deepart_assets.settings.diffusion import BitsAndBytes, Part, TorchAO
from deepart_assets_tests.hub import serve_hub
from deepart_assets_tests.outpainting.tiny_families import diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, asked, difference


def painter_for(folder, **quantization):
    return build_outpainter(diffusers_settings(folder, quantization=quantization))


# --- by packages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bitsandbytes", "torchao", "gguf"])
def test_a_missing_package_is_named_before_anything_is_fetched(monkeypatch, kind):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    more = {"model": "m", "file": "f.gguf"} if kind == "gguf" else {}
    painter = painter_for("owner/nowhere", kind=kind, **more)
    with pytest.raises(UnavailableError, match=f"needs the package {kind}: pip install"):
        painter.weights_hash()


def test_bitsandbytes_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    with pytest.raises(UnavailableError, match="needs a GPU, and none was found: set it to torch"):
        rules.check_quantization(BitsAndBytes(kind="bitsandbytes"), "cpu")
    rules.check_quantization(BitsAndBytes(kind="bitsandbytes"), "cuda")


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("library", ["diffusers", "transformers"])
def test_what_bitsandbytes_is_told(bits, library):
    prepare()
    pytest.importorskip("bitsandbytes")
    settings = BitsAndBytes(kind="bitsandbytes", bits=bits, parts=("transformer",))
    [config] = rules.quantized(settings, "transformer", (library, "")).values()
    assert type(config).__module__.startswith(library)
    assert (config.load_in_4bit, config.load_in_8bit) == (bits == 4, bits == 8)
    assert rules.quantized(settings, "text_encoder", (library, "")) == {}
    everything = BitsAndBytes(kind="bitsandbytes", bits=bits)
    assert rules.quantized(everything, "text_encoder", (library, ""))
    assert rules.quantized(everything, "vae", (library, "")) == {}


def test_torchao_rounds_the_weights(family_folders):
    pytest.importorskip("torchao")
    folder = family_folders["Z-Image"]
    [plain] = build_outpainter(diffusers_settings(folder))([asked()])
    rounded = painter_for(folder, kind="torchao")
    [picture] = rounded([asked()])
    assert 0 < difference(picture, plain) < 64
    pipeline = rounded._pipeline
    weights = pipeline.transformer.layers[0].attention.to_q.weight
    assert type(weights).__module__.startswith("torchao")
    parts = painter_for(folder, kind="torchao", parts=["text_encoder"])._pipeline
    assert type(parts.transformer.layers[0].attention.to_q.weight).__module__.startswith("torch.")


def test_a_part_that_the_pipeline_lacks_is_told_before_its_weights_are_fetched(
    family_folders, tmp_path, monkeypatch
):
    folder, told = family_folders["Z-Image"], r"has no unet: set .* some of transformer, text_enc"
    quantization = TorchAO(kind="torchao", parts=("transformer", "unet"))
    with pytest.raises(UnavailableError, match=told):
        find_folder(str(folder), None, quantization=quantization)
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        files = [file for file in folder.rglob("*") if file.is_file()]
        hub.files = {str(file.relative_to(folder)): file.read_bytes() for file in files}
        with pytest.raises(UnavailableError, match=told):
            find_folder("owner/model", None, quantization=quantization)
    assert hub.fetched == ["model_index.json"]


def test_the_parts_are_the_networks_that_are_loaded_but_for_the_vae():
    assert {*get_args(Part)} == {*NETWORKS} - {"vae"}


# --- from a GGUF file ----------------------------------------------------------------------------


def save_gguf(folder: Path, target: Path) -> Path:
    """Save a transformer's weights as GGUF, in 8 bits where their rows are long enough."""
    gguf = pytest.importorskip("gguf")
    from safetensors.numpy import load_file

    writer = gguf.GGUFWriter(str(target), "tiny")
    for name, weights in load_file(next((folder / "transformer").glob("*.safetensors"))).items():
        if weights.ndim == 2 and weights.shape[1] % 32 == 0:
            q8 = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quantize(weights, q8), raw_dtype=q8)
        else:
            writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.fixture
def gguf_model(family_folders, tmp_path):
    """Qwen-Image without its transformer's weights, which are in a GGUF file."""
    folder = Path(shutil.copytree(family_folders["Qwen-Image"], tmp_path / "model"))
    save_gguf(folder, tmp_path / "tiny-Q8_0.gguf")
    next((folder / "transformer").glob("*.safetensors")).unlink()
    return folder


def gguf_painter(folder, file="tiny-Q8_0.gguf"):
    return painter_for(folder, kind="gguf", model=str(folder.parent), file=file)


def test_a_denoiser_from_a_gguf_file(family_folders, gguf_model):
    [plain] = build_outpainter(diffusers_settings(family_folders["Qwen-Image"]))([asked()])
    painter = gguf_painter(gguf_model)
    first = painter.weights_hash()
    [picture] = painter([asked()])
    assert 0 <= difference(picture, plain) < 16
    assert (painter([asked()])[0] == picture).all()
    kinds = {type(each).__name__ for each in painter._pipeline.transformer.parameters()}
    assert "GGUFParameter" in kinds
    file = gguf_model.parent / "tiny-Q8_0.gguf"
    file.write_bytes(file.read_bytes() + b"\0")
    assert gguf_painter(gguf_model).weights_hash() != first


def test_the_weights_that_a_gguf_file_replaces_are_not_fetched(
    family_folders, gguf_model, tmp_path, monkeypatch
):
    folder = family_folders["Qwen-Image"]
    files = [file for file in folder.rglob("*") if file.is_file()]
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files = {str(file.relative_to(folder)): file.read_bytes() for file in files}
        hub.files["tiny-Q8_0.gguf"] = (tmp_path / "tiny-Q8_0.gguf").read_bytes()
        painter = painter_for(
            "owner/model", kind="gguf", model="owner/model", file="tiny-Q8_0.gguf"
        )
        [picture] = painter([asked()])
    assert "transformer/config.json" in hub.fetched
    assert not [name for name in hub.fetched if name.startswith("transformer/diffusion")]
    assert difference(picture, gguf_painter(gguf_model)([asked()])[0]) <= CLOSE


@pytest.mark.parametrize("damage", ["page", "cut", "another", "gone"])
def test_a_gguf_file_that_is_none(gguf_model, damage, family_folders):
    file = gguf_model.parent / "tiny-Q8_0.gguf"
    match damage:
        case "page":
            file.write_text("<html>")
        case "cut":
            file.write_bytes(file.read_bytes()[:-2000])
        case "another":
            save_gguf(family_folders["FLUX.1"], file)
        case "gone":
            file.unlink()
    match = r"tiny-Q8_0.gguf( holds no weights for a QwenImageTransformer2DModel \(.*\))?: correct"
    with pytest.raises(UnavailableError, match=match) as caught:
        gguf_painter(gguf_model)([asked()])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "gguf", "model": "m", "file": "m.safetensors"},
        {"kind": "bitsandbytes", "bits": 3},
        {"kind": "bitsandbytes", "parts": ["transfromer"]},
        {"kind": "torchao", "parts": ["vae"]},  # which is never rounded
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match="quantization"):
        painter_for("m", **wrong)
