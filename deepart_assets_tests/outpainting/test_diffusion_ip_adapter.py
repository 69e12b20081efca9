"""The subject as a reference through an IP-Adapter, a tiny one in the published layout."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.torch import save_file

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion.loading import load_pipeline
from deepart_assets_tests.hub import serve_hub
from deepart_assets_tests.outpainting.tiny_families import diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, asked, difference, spied

FILE = "models/ip-adapter_sd15.safetensors"
WIDTH = 16


@pytest.fixture(scope="module")
def adapter(folders, tmp_path_factory):
    """An IP-Adapter for the tiny Stable Diffusion, with random weights."""
    import torch
    from diffusers.models.attention_processor import IPAdapterAttnProcessor
    from diffusers.models.embeddings import ImageProjection
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    root = tmp_path_factory.mktemp("ip-adapter")
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=WIDTH,
        image_size=32,
        patch_size=8,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(root / "models" / "image_encoder")
    unet = load_pipeline(folders["inpainting"], torch.float32).unet
    width = unet.config.cross_attention_dim
    projection = ImageProjection(
        cross_attention_dim=width, image_embed_dim=WIDTH, num_image_text_embeds=4
    ).state_dict()
    names = {"image_embeds.weight": "proj.weight", "image_embeds.bias": "proj.bias"}
    tensors = {f"image_proj.{names.get(name, name)}": each for name, each in projection.items()}
    attentions = [name for name in unet.attn_processors if "attn2" in name]
    for number, name in enumerate(attentions):
        hidden = unet.get_submodule(name.removesuffix(".processor")).to_q.out_features
        weights = IPAdapterAttnProcessor(hidden, width).state_dict()
        for kind in ("k", "v"):
            key = f"ip_adapter.{2 * number + 1}.to_{kind}_ip.weight"
            tensors[key] = weights[f"to_{kind}_ip.0.weight"]
    save_file({name: each.contiguous() for name, each in tensors.items()}, root / FILE)
    return root


def painter_for(folders, adapter, scale=1.0, **more):
    shown = {"reference": "subject", "ip_adapter": {"model": str(adapter), "scale": scale}}
    return build_outpainter(diffusers_settings(folders["inpainting"], **shown, **more))


@pytest.mark.parametrize("guidance", [7.5, 1.0])
def test_each_picture_has_its_own_reference(folders, adapter, monkeypatch, guidance):
    painter = painter_for(folders, adapter, guidance=guidance)
    spy = spied(painter, monkeypatch)
    one, two = asked(64, 64, 1), asked(64, 64, 2)
    two.picture[..., 1:] //= 3  # another hue
    together = painter([one, two])
    assert spy.counts == [1, 1]  # the pipelines would mix them
    first, second = (np.asarray(call["ip_adapter_image"][0]) for call in spy.calls)
    assert np.abs(first.astype(int) - second).mean() > 20
    for request, batched in zip((one, two), together, strict=True):
        assert difference(painter([request])[0], batched) == 0
    plain = build_outpainter(diffusers_settings(folders["inpainting"], guidance=guidance))
    assert (plain([one])[0] != together[0]).any()
    unseen = painter_for(folders, adapter, scale=0.0, guidance=guidance)
    assert difference(unseen([one])[0], plain([one])[0]) <= CLOSE


def test_its_files_are_part_of_the_identity(folders, adapter, tmp_path):
    first = painter_for(folders, adapter).weights_hash()
    copy = Path(shutil.copytree(adapter, tmp_path / "copy"))
    assert painter_for(folders, copy).weights_hash() == first
    (copy / FILE).write_bytes((copy / FILE).read_bytes() + b"\0")
    assert painter_for(folders, copy).weights_hash() != first


def test_from_the_hub_its_own_files_alone(folders, adapter, tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files = {
            str(file.relative_to(adapter)): file.read_bytes()
            for file in adapter.rglob("*")
            if file.is_file()
        } | {"sdxl_models/ip-adapter_sdxl.safetensors": b"large"}
        painter = painter_for(folders, "owner/model")
        [picture] = painter([asked()])
    assert sorted(hub.fetched) == sorted(
        [FILE, "models/image_encoder/config.json", "models/image_encoder/model.safetensors"]
    )
    assert np.array_equal(picture, painter_for(folders, adapter)([asked()])[0])


@pytest.mark.parametrize("damage", ["gone", "cut", "another"])
def test_one_that_is_none(folders, adapter, tmp_path, damage):
    copy = Path(shutil.copytree(adapter, tmp_path / "copy"))
    match damage:
        case "gone":
            (copy / FILE).unlink()
        case "cut":
            (copy / FILE).write_bytes((copy / FILE).read_bytes()[:-50])
        case "another":
            shutil.copy(copy / "models" / "image_encoder" / "model.safetensors", copy / FILE)
    match = f"has no file {FILE}" if damage == "gone" else "holds no IP-Adapter for a StableDiffus"
    with pytest.raises(UnavailableError, match=match) as caught:
        painter_for(folders, copy)([asked()])
    assert "\n" not in str(caught.value)


def test_families_and_settings_that_it_does_not_suit(folders, family_folders, adapter):
    shown = {"reference": "subject", "ip_adapter": {"model": str(adapter)}}
    painter = build_outpainter(diffusers_settings(family_folders["Z-Image"], **shown))
    with pytest.raises(UnavailableError, match=r"\(Z-Image\) takes no ip_adapter.*3.5, FLUX.1$"):
        painter.weights_hash()
    painter = build_outpainter(diffusers_settings(folders["XL"], reference="subject"))
    with pytest.raises(UnavailableError, match=r"reference picture.* or name an ip_adapter"):
        painter.weights_hash()
    with pytest.raises(ValidationError, match="which is none"):
        diffusers_settings("m", ip_adapter={})
    with pytest.raises(ValidationError, match="out of action"):
        diffusers_settings("m", **shown, attention_slicing=True)
