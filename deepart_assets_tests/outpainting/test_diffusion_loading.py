"""How a pipeline in a folder is hashed, loaded whole, told from others, and refused."""

import json
import re
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from deepart_assets.compat import prepare
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion import completeness
from deepart_assets_tests.outpainting.tiny_pipelines import (
    asked,
    hash_of,
    save_tiny_pipeline,
    save_tiny_xl_pipeline,
    settings_for,
)

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change(file, **more):
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}))


def in_parts(folder) -> list[Path]:
    """Save the UNet in two files, as large models are; return them."""
    tensors = load_file(folder / UNET)
    (folder / UNET).unlink()
    names = sorted(tensors)
    parts, weight_map = [], {}
    for number, some in enumerate((names[:20], names[20:]), 1):
        part = folder / "unet" / f"diffusion_pytorch_model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in some}, part, {"format": "pt"})
        weight_map |= dict.fromkeys(some, part.name)
        parts.append(part)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    file = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    file.write_text(json.dumps(index))
    return parts


# --- the hash ------------------------------------------------------------------------------------


def test_equal_files_hash_alike_and_other_weights_do_not(folder, tmp_path):
    first = hash_of(folder)
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert hash_of(save_tiny_pipeline(tmp_path / "same", seed=0)) == first
    assert hash_of(save_tiny_pipeline(tmp_path / "other", seed=1)) != first


@pytest.mark.parametrize(
    "file",
    [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "tokenizer/tokenizer.json",
    ],
)
def test_the_hash_follows_what_decides_the_result(folder, copy, file):
    change(copy / file, another="value")
    assert hash_of(copy) != hash_of(folder)


def test_the_hash_follows_shards_and_vocabularies(folder, copy):
    (copy / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    with_words = hash_of(copy)
    in_parts(copy)
    assert len({hash_of(folder), with_words, hash_of(copy)}) == 3


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        ".gitattributes",
        "v1-5-pruned.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin",
        "safety_checker/model.safetensors",
        "safety_checker/config.json",
        "feature_extractor/preprocessor_config.json",
    ],
)
def test_the_hash_does_not_follow_what_is_not_used(folder, copy, file):
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_text("{}")
    assert hash_of(copy) == hash_of(folder)


# --- a folder that is no use ---------------------------------------------------------------------


def refused(folder, match) -> str:
    painter = build_outpainter(settings_for(folder))
    for _ in range(2):  # nothing is half-loaded
        with pytest.raises(UnavailableError, match=match) as caught:
            painter([asked()])
    message = str(caught.value)
    assert str(folder) in message
    assert "the outpainter's model" in message
    assert "\n" not in message
    return message


def test_a_folder_without_a_pipeline(tmp_path):
    refused(tmp_path, r"does not hold a pipeline of diffusers \(no readable model_index.json\)")
    with pytest.raises(UnavailableError, match=r"model_index\.json"):
        hash_of(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"_class_name": '])
def test_an_index_that_is_none(copy, content):
    (copy / "model_index.json").write_text(content)
    refused(copy, r"no readable model_index\.json")


def test_a_text_model(folder, tmp_path):
    text = Path(shutil.copytree(folder / "text_encoder", tmp_path / "text"))
    refused(text, "does not hold a pipeline of diffusers")


def test_a_pipeline_that_takes_no_text_and_no_mask(tmp_path):
    prepare()
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8,),
        norm_num_groups=4,
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path / "ddpm")
    refused(tmp_path / "ddpm", "a DDPMPipeline, which cannot inpaint here.*StableDiffusionInpaint")


def test_a_network_that_cannot_inpaint(tmp_path):
    instruct = save_tiny_pipeline(tmp_path / "eight", channels=8)  # as InstructPix2Pix has
    refused(instruct, r"8 input channels, which cannot inpaint \(4 or 9 can\)")


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "lacking", "other", "gone"])
def test_damaged_weights(copy, part, damage):
    [file] = (copy / part).glob("*.safetensors")
    tensors = load_file(file)
    name = sorted(tensors)[2]
    match damage:
        case "cut":
            file.write_bytes(file.read_bytes()[:-300])
        case "empty":
            file.write_bytes(b"")
        case "noise":
            file.write_bytes(b"<html>not found</html>")
        case "lacking":
            del tensors[name]
            save_file(tensors, file, {"format": "pt"})
        case "other":
            save_file({**tensors, name: tensors[name][:1].clone()[..., :1]}, file, {"format": "pt"})
        case "gone":
            file.unlink()
    message = refused(copy, "does not hold a whole pipeline in safetensors")
    assert "delete the folder and fetch it again" in message
    if damage == "lacking":
        assert f"{part} lacks 1 weights, the first is {name}" in message


@pytest.mark.parametrize("damage", ["gone", "cut", "no index"])
def test_a_half_fetched_model_is_refused_before_it_is_loaded(folder, copy, damage):
    parts = in_parts(copy)
    whole = build_outpainter(settings_for(copy))([asked()])[0]
    assert (whole == build_outpainter(settings_for(folder))([asked()])[0]).all()
    match damage:
        case "gone":
            parts[1].unlink()
            fault = "unet: 1 of 2 parts are missing: diffusion_pytorch_model-00002-of-00002"
        case "cut":
            parts[0].write_bytes(parts[0].read_bytes()[:-1])
            fault = "unet: diffusion_pytorch_model-00001-of-00002.safetensors is cut short"
        case "no index":
            next(copy.glob("unet/*.index.json")).unlink()
            fault = "unet has no weights in safetensors"
    with pytest.raises(UnavailableError, match=fault) as caught:
        hash_of(copy)
    assert "delete the folder and fetch it again" in str(caught.value)


def test_weights_that_main_memory_cannot_hold(copy, monkeypatch):
    weights = sum(file.stat().st_size for file in copy.rglob("*.safetensors"))
    monkeypatch.setattr(completeness, "available_memory", lambda: weights // 2)
    match = "the weights of .* need .* GB of main memory and .* are free: set .* bfloat16"
    refused_as(build_outpainter(settings_for(copy)), match)
    monkeypatch.setattr(completeness, "available_memory", lambda: weights)
    assert build_outpainter(settings_for(copy))([asked()])[0].any()


def refused_as(painter, match):
    with pytest.raises(UnavailableError, match=match):
        painter([asked()])


def test_a_pipeline_with_code_of_its_own(copy):
    change(copy / "model_index.json", _class_name=["pipeline", "OwnPipeline"])
    refused(copy, r"holds a \['pipeline', 'OwnPipeline'\], which cannot inpaint here")


@pytest.mark.parametrize("file", ["unet/config.json", "scheduler/scheduler_config.json"])
def test_missing_configuration(copy, file):
    (copy / file).unlink()
    refused(copy, "does not hold a whole pipeline")


def test_lack_of_memory_is_not_taken_for_damage(copy, monkeypatch):
    prepare()
    from diffusers import UNet2DConditionModel

    def fail(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 3 GB")

    monkeypatch.setattr(UNet2DConditionModel, "from_pretrained", fail)
    with pytest.raises(PaintingError, match="memory does not hold"):
        build_outpainter(settings_for(copy))([asked()])


def test_pickled_weights_are_not_read(copy):
    for file in copy.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    refused(copy, "does not hold a whole pipeline in safetensors")


def test_weights_of_older_names_are_whole(copy, folder):
    """As the published files: written by an older transformers, with a table of positions."""
    import torch

    file = copy / "text_encoder" / "model.safetensors"
    older = {f"text_model.{name}": tensor for name, tensor in load_file(file).items()}
    older["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(older, file, {"format": "pt"})
    results = [build_outpainter(settings_for(each))([asked()])[0] for each in (copy, folder)]
    assert (results[0] == results[1]).all()


def test_no_watermark_is_painted_in(tmp_path, monkeypatch):
    prepare()
    from diffusers.pipelines.stable_diffusion_xl import pipeline_stable_diffusion_xl_inpaint as xl

    # As where the package is installed, which diffusers takes for a wish.
    monkeypatch.setattr(xl, "is_invisible_watermark_available", lambda: True)
    painter = build_outpainter(settings_for(save_tiny_xl_pipeline(tmp_path / "xl")))
    painter([asked()])
    assert painter._pipeline.watermark is None
