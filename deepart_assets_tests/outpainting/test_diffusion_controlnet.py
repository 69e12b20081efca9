"""Inpainting ControlNets: tiny ones in the published layout, with random weights."""

import inspect
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion.families import FAMILIES
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.hub import point_at, serve_hub
from deepart_assets_tests.outpainting.tiny_families import diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, asked, difference, spied

BY_NAME = {each.name: each for each in FAMILIES if each.controlnet}
SCALES = {"Stable Diffusion XL": 0.5, "Stable Diffusion 3.5": 0.95, "Qwen-Image": 1.0}


def save_controlnet(model: Path, name: str, folder: Path) -> Path:
    """Save the ControlNet that fits a tiny model; its last layers are no longer zero."""
    import diffusers
    import torch

    torch.manual_seed(1)
    family = BY_NAME[name]
    kind = getattr(diffusers, family.controlnet.network)
    network = getattr(
        diffusers, {"unet": "UNet2DConditionModel"}.get(family.denoiser, "AutoModel")
    ).from_pretrained(str(model / family.denoiser))
    if family.denoiser == "unet":
        made = kind.from_config({**kind.from_unet(network).config, "in_channels": 4})
    else:
        extra = {"extra_conditioning_channels": 1, "extra_condition_channels": 4}
        known = inspect.signature(kind.__init__).parameters
        config = {**network.config, "num_layers": 1, **extra}
        made = kind(**{key: value for key, value in config.items() if key in known})
    for weights in made.parameters():
        if not weights.any():
            torch.nn.init.normal_(weights, std=0.5)
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def controlnets(folders, family_folders, tmp_path_factory):
    """The folders of model and ControlNet by the family's name, made when asked for."""
    root = tmp_path_factory.mktemp("controlnets")

    def make(name):
        model = folders["XL"] if name == "Stable Diffusion XL" else family_folders[name]
        return model, save_controlnet(model, name, root / name.replace(" ", "-"))

    return cache(make)


def painter_for(controlnets, name, model=None, scale=None, **more):
    base, folder = controlnets(name)
    controlnet = {"model": str(model or folder), "scale": scale}
    return build_outpainter(diffusers_settings(base, controlnet=controlnet, **more))


@pytest.mark.parametrize("name", BY_NAME)
def test_each_family_is_called_in_its_own_way(controlnets, monkeypatch, name):
    painter = painter_for(controlnets, name)
    spy = spied(painter, monkeypatch)
    one, two = asked(64, 64, 1, prompt="one"), asked(64, 64, 2, prompt="two")
    together = painter([one, two])
    masked = name != "Stable Diffusion XL"
    assert spy.counts == ([1, 1] if masked else [2])
    call = spy.calls[0]
    assert type(spy.pipeline).__name__ == BY_NAME[name].controlnet.inpaints
    assert call["controlnet_conditioning_scale"] == SCALES[name]
    shown = np.asarray(call["control_image"][0])
    assert (shown[one.known] == one.picture[one.known]).all()
    if masked:
        assert not {"image", "mask_image", "strength"} & set(call)
        hole = np.asarray(call["control_mask"][0])
        assert (shown[~one.known] == 128).all()
    else:
        assert call["strength"] == 0.9999
        hole = np.asarray(call["mask_image"][0])
        assert (shown[~one.known] == 255).all()
    assert np.array_equal(hole, np.where(one.known, 0, 255))
    # Neither the batch nor what ran before decides what is painted; the ControlNet does.
    for request, batched in zip((one, two), together, strict=True):
        assert batched.std() > 0
        assert difference(painter([request])[0], batched) <= (0 if masked else CLOSE)
    other = painter_for(controlnets, name, scale=0.1)
    assert difference(other([one])[0], together[0]) > CLOSE
    assert other.weights_hash() != painter.weights_hash()


def test_from_the_hub_its_own_files_alone(controlnets, tmp_path, monkeypatch):
    name = "Stable Diffusion 3.5"
    _, folder = controlnets(name)
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files = {file.name: file.read_bytes() for file in folder.iterdir()}
        hub.files["diffusion_pytorch_model.fp16.safetensors"] = b"large"
        first = painter_for(controlnets, name, "owner/model").weights_hash()
        assert sorted(hub.fetched) == ["config.json", "diffusion_pytorch_model.safetensors"]
    point_at("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    assert painter_for(controlnets, name, "owner/model").weights_hash() == first
    assert painter_for(controlnets, name).weights_hash() == first


@pytest.mark.parametrize("damage", ["gone", "cut", "another family", "another size"])
def test_one_that_is_none(controlnets, tmp_path, damage):
    name = "Stable Diffusion 3.5"
    copy = Path(shutil.copytree(controlnets(name)[1], tmp_path / "copy"))
    weights, config = copy / "diffusion_pytorch_model.safetensors", copy / "config.json"
    match damage:
        case "gone":
            weights.unlink()
        case "cut":
            weights.write_bytes(weights.read_bytes()[:-50])
        case "another family":
            copy = controlnets("Qwen-Image")[1]
        case "another size":
            settings = json.loads(config.read_text()) | {"pooled_projection_dim": 8}
            config.write_text(json.dumps(settings))
    with pytest.raises(UnavailableError, match="holds no inpainting ControlNet") as caught:
        painter_for(controlnets, name, copy)([asked()])
    assert "\n" not in str(caught.value)


def test_families_and_settings_that_it_does_not_suit(controlnets, family_folders):
    controlnet = {"model": "owner/model"}
    painter = build_outpainter(diffusers_settings(family_folders["FLUX.1"], controlnet=controlnet))
    with pytest.raises(UnavailableError, match=r"\(FLUX.1\) takes no .*Qwen-Image"):
        painter.weights_hash()
    for more in ({"strength": 0.5}, {"seam_pass": {}}):
        painter = painter_for(controlnets, "Qwen-Image", **more)
        with pytest.raises(UnavailableError, match=f"noise alone: remove .*{next(iter(more))}"):
            painter.weights_hash()


def test_the_documentation_has_the_published_ones():
    text = (PROJECT / "docs" / "outpainting.md").read_text()
    for family in BY_NAME.values():
        for model, licence in family.controlnet.models.items():
            assert f"| {model} | {family.controlnet.scale:g} | {licence}" in text
