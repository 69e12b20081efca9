"""IP-Adapters for diffusion transformers: the adapter alone, its image encoder another model."""

from functools import cache

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from deepart_assets.assets.model_fetches import model_fetches
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion.loading import load_pipeline
from deepart_assets.settings import load_settings
from deepart_assets_tests.hub import serve_hub
from deepart_assets_tests.outpainting.tiny_families import diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, asked, difference, spied

FILE = "ip_adapter.safetensors"
WIDTH = 16
SMALL = {
    "hidden_size": WIDTH,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VISION = SMALL | {"image_size": 32, "patch_size": 8}
TEXT = SMALL | {"vocab_size": 300}
FAMILIES = ["FLUX.1", "Stable Diffusion 3.5"]


def save_clip(folder):
    """Save a whole CLIP, as openai/clip-vit-large-patch14 is, of which the half is wanted."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(
        text_config=TEXT, vision_config=VISION | {"projection_dim": WIDTH}, projection_dim=WIDTH
    )
    CLIPModel(config).save_pretrained(folder)


def save_siglip(folder):
    """Save a whole SigLIP, as google/siglip-so400m-patch14-384 is."""
    from transformers import SiglipConfig, SiglipModel

    SiglipModel(SiglipConfig(text_config=TEXT, vision_config=VISION)).save_pretrained(folder)


def flux_adapter(transformer):
    """Return the tensors of an adapter as XLabs-AI/flux-ip-adapter names them."""
    import torch

    inner, seen = transformer.inner_dim, transformer.config.joint_attention_dim
    tensors = {
        "ip_adapter_proj_model.proj.weight": torch.randn(4 * seen, WIDTH),
        "ip_adapter_proj_model.proj.bias": torch.randn(4 * seen),
        "ip_adapter_proj_model.norm.weight": torch.ones(seen),
        "ip_adapter_proj_model.norm.bias": torch.zeros(seen),
    }
    for block in range(transformer.config.num_layers):
        for kind in ("k", "v"):
            name = f"double_blocks.{block}.processor.ip_adapter_double_stream_{kind}_proj"
            tensors |= {
                f"{name}.weight": torch.randn(inner, seen),
                f"{name}.bias": torch.randn(inner),
            }
    return tensors


def sd3_adapter(transformer):
    """Return the tensors of an adapter as InstantX/SD3.5-Large-IP-Adapter names them."""
    from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
    from diffusers.models.embeddings import IPAdapterTimeImageProjection

    config = transformer.config
    inner = config.attention_head_dim * config.num_attention_heads
    projection = IPAdapterTimeImageProjection(
        embed_dim=WIDTH, output_dim=inner, hidden_dim=64, heads=1, num_queries=4, timestep_in_dim=32
    )
    tensors = {f"image_proj.{name}": each for name, each in projection.state_dict().items()}
    for number in range(len(transformer.attn_processors)):
        attention = SD3IPAdapterJointAttnProcessor2_0(
            hidden_size=inner,
            ip_hidden_states_dim=inner,
            head_dim=config.attention_head_dim,
            timesteps_emb_dim=64,
        )
        found = attention.state_dict().items()
        tensors |= {f"ip_adapter.{number}.{name}": each for name, each in found}
    return tensors


@pytest.fixture(scope="module")
def adapters(family_folders, tmp_path_factory):
    """The folders of model, adapter and image encoder by family, made when asked for."""
    import torch

    root = tmp_path_factory.mktemp("ip-adapters")

    @cache
    def make(name):
        torch.manual_seed(0)
        model, folder = family_folders[name], root / name.replace(" ", "-")
        transformer = load_pipeline(model, torch.float32).transformer
        adapter, encoder = folder / "adapter", folder / "encoder"
        adapter.mkdir(parents=True)
        is_flux = name == "FLUX.1"
        tensors = flux_adapter(transformer) if is_flux else sd3_adapter(transformer)
        save_file({key: each.contiguous() for key, each in tensors.items()}, adapter / FILE)
        (save_clip if is_flux else save_siglip)(encoder)
        return model, adapter, encoder

    return make


def shown(adapter, encoder, scale=1.0):
    return {
        "reference": "subject",
        "ip_adapter": {
            "model": str(adapter),
            "weight_name": FILE,
            "image_encoder_model": str(encoder),
            "scale": scale,
        },
    }


def painter_for(adapters, name, scale=1.0):
    model, adapter, encoder = adapters(name)
    return build_outpainter(diffusers_settings(model, **shown(adapter, encoder, scale)))


@pytest.mark.parametrize("name", FAMILIES)
def test_each_picture_has_its_own_reference(adapters, monkeypatch, name):
    painter = painter_for(adapters, name)
    spy = spied(painter, monkeypatch)
    one, two = asked(64, 64, 1), asked(64, 64, 2)
    two.picture[..., 1:] //= 3  # another hue
    together = painter([one, two])
    assert spy.counts == [1, 1]
    first, second = (np.asarray(call["ip_adapter_image"][0]) for call in spy.calls)
    assert np.abs(first.astype(int) - second).mean() > 20
    plain = build_outpainter(diffusers_settings(adapters(name)[0]))
    assert (plain([one])[0] != together[0]).any()
    unseen = painter_for(adapters, name, scale=0.0)
    assert difference(unseen([one])[0], plain([one])[0]) <= CLOSE
    other = unseen.weights_hash()
    assert other == painter.weights_hash() != plain.weights_hash()


def test_from_the_hub_two_models_and_their_files_alone(adapters, tmp_path, monkeypatch):
    model, adapter, encoder = adapters("FLUX.1")
    files = {FILE: adapter, "config.json": encoder, "model.safetensors": encoder}
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files = {name: (folder / name).read_bytes() for name, folder in files.items()}
        hub.files["flax_model.msgpack"] = b"large"
        asks = shown("owner/model", "owner/model")
        asks["ip_adapter"] |= {"revision": "v1", "image_encoder_revision": "v2"}
        outpainter = diffusers_settings(model, **asks)
        settings = load_settings("sample").model_copy(update={"outpainters": {"flux": outpainter}})
        assert [each.name for each in model_fetches(settings)] == ["owner/model"] * 2
        [picture] = build_outpainter(outpainter)([asked()])
        assert sorted(hub.fetched) == ["config.json", FILE, "model.safetensors"]
        assert model_fetches(settings) == []
    refs = {file.name for file in (tmp_path / "cache").glob("models--owner--model/refs/*")}
    assert refs == {"v1", "v2"}
    assert np.array_equal(picture, painter_for(adapters, "FLUX.1")([asked()])[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_an_encoder_of_another_kind_or_without_its_weights(adapters, tmp_path, name):
    other = next(each for each in FAMILIES if each != name)
    model, adapter, _ = adapters(name)
    wrong = adapters(other)[2]
    tensors = load_file(adapters(name)[2] / "model.safetensors")
    dropped = next(key for key in tensors if "vision_model.encoder" in key)
    tensors.pop(dropped)
    cut = tmp_path / "cut"
    cut.mkdir()
    save_file(tensors, cut / "model.safetensors", {"format": "pt"})
    (cut / "config.json").write_bytes((adapters(name)[2] / "config.json").read_bytes())
    for encoder in (wrong, cut):
        painter = build_outpainter(diffusers_settings(model, **shown(adapter, encoder)))
        with pytest.raises(UnavailableError, match="holds no IP-Adapter for a") as caught:
            painter([asked()])
        assert "\n" not in str(caught.value)


def test_flux_fill_takes_none(adapters, family_folders):
    _, adapter, encoder = adapters("FLUX.1")
    settings = diffusers_settings(family_folders["FLUX.1 Fill"], **shown(adapter, encoder))
    with pytest.raises(UnavailableError, match=r"FLUX.1 Fill\) takes no ip_adapter.*FLUX.1$"):
        build_outpainter(settings).weights_hash()
