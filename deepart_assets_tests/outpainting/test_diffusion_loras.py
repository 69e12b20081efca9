"""LoRAs: added at their scales, part of what a result depends on, and refused where they misfit."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion.adapters import lora_file
from deepart_assets.outpainting.diffusion.loading import load_pipeline
from deepart_assets.settings.diffusion import Lora
from deepart_assets_tests.hub import REFUSALS, serve_hub
from deepart_assets_tests.outpainting.tiny_families import diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, asked, difference

FILE = "pytorch_lora_weights.safetensors"


def save_lora(model: Path, folder: Path, seed: int = 0) -> Path:
    """Save a LoRA with random weights for a model's denoiser, as diffusers' training does."""
    prepare()
    import torch
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = load_pipeline(model, torch.float32)
    name = "unet" if hasattr(pipeline, "unet") else "transformer"
    denoiser = getattr(pipeline, name)
    torch.manual_seed(seed)
    config = LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    denoiser.add_adapter(config)
    layers = get_peft_model_state_dict(denoiser)
    pipeline.save_lora_weights(folder, **{f"{name}_lora_layers": layers})
    return folder


@pytest.fixture(scope="module")
def models(folders, family_folders):
    return {"inpainting": folders["inpainting"], "Z-Image": family_folders["Z-Image"]}


@pytest.fixture(scope="module")
def loras(models, tmp_path_factory):
    root = tmp_path_factory.mktemp("loras")
    return {name: save_lora(model, root / name) for name, model in models.items()}


def painted(model, *loras, **more):
    painter = build_outpainter(diffusers_settings(model, loras=loras, **more))
    return painter([asked()])[0], painter.weights_hash()


@pytest.mark.parametrize("name", ["inpainting", "Z-Image"])
def test_a_lora_changes_the_picture_by_its_scale(models, loras, name):
    model, lora = models[name], str(loras[name])
    plain, plain_hash = painted(model)
    added, added_hash = painted(model, {"model": lora})
    none, _ = painted(model, {"model": lora, "scale": 0})
    file, file_hash = painted(model, {"model": f"{lora}/{FILE}"})
    assert difference(added, plain) > CLOSE
    assert difference(none, plain) <= CLOSE
    assert difference(file, added) == 0
    assert added_hash == file_hash != plain_hash


def test_several_are_added_together(models, loras, tmp_path):
    first = {"model": str(loras["inpainting"])}
    second = {"model": str(save_lora(models["inpainting"], tmp_path / "second", seed=1))}
    alone = [painted(models["inpainting"], each)[0] for each in (first, second)]
    both, _ = painted(models["inpainting"], first, second)
    mixed, _ = painted(models["inpainting"], first, {**second, "scale": 0})
    assert min(difference(both, each) for each in alone) > CLOSE
    assert difference(mixed, alone[0]) <= CLOSE


def test_a_lora_in_half_precision(models, loras):
    lora = {"model": str(loras["inpainting"])}
    half, _ = painted(models["inpainting"], lora, precision="bfloat16")
    plain, _ = painted(models["inpainting"], precision="bfloat16")
    assert difference(half, plain) > CLOSE


def test_a_lora_from_the_hub(models, loras, tmp_path, monkeypatch):
    with serve_hub(tmp_path / "cache", monkeypatch) as hub:
        hub.files = {
            "style.safetensors": (loras["Z-Image"] / FILE).read_bytes(),
            "another.safetensors": b"",
        }
        lora = {"model": "owner/model", "weight_name": "style.safetensors"}
        picture, found = painted(models["Z-Image"], lora)
        assert hub.fetched == ["style.safetensors"]
        for kind in ("missing", "gated"):
            with pytest.raises(UnavailableError, match=REFUSALS[kind][2].split(":")[0][:20]):
                painted(models["Z-Image"], {"model": f"owner/{kind}"})
        nowhere = str(tmp_path / "none.safetensors")
        with pytest.raises(UnavailableError, match=f"there is no file {nowhere}: correct"):
            painted(models["Z-Image"], {"model": nowhere})
        with pytest.raises(UnavailableError, match=f"owner/model has no file {FILE}"):
            painted(models["Z-Image"], {"model": "owner/model"})
    same, hashed = painted(models["Z-Image"], {"model": str(loras["Z-Image"])})
    assert found == hashed
    assert difference(picture, same) == 0


def test_the_file_of_a_lora_may_be_below_the_home_folder(loras, monkeypatch):
    file = loras["Z-Image"] / FILE
    monkeypatch.setenv("HOME", str(file.parent))
    assert lora_file(Lora(model=f"~/{FILE}")) == file


@pytest.mark.parametrize("damage", ["another model's", "cut", "no LoRA", "other shapes"])
def test_a_lora_that_does_not_fit(models, loras, tmp_path, damage):
    lora = Path(shutil.copytree(loras["inpainting"], tmp_path / "lora"))
    tensors = load_file(lora / FILE)
    match damage:
        case "another model's":
            shutil.copy(loras["Z-Image"] / FILE, lora / FILE)
        case "cut":
            (lora / FILE).write_bytes((lora / FILE).read_bytes()[:-50])
        case "no LoRA":
            save_file({"conv.weight": next(iter(tensors.values()))}, lora / FILE)
        case "other shapes":
            save_file({name: each.repeat(2, 2) for name, each in tensors.items()}, lora / FILE)
    with pytest.raises(UnavailableError, match="holds no LoRA for a StableDiffusionInpaint") as got:
        painted(models["inpainting"], {"model": str(lora)})
    assert "\n" not in str(got.value)
