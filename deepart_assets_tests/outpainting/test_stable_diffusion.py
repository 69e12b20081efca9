"""Stable Diffusion end to end: a tiny pipeline with random weights, built and saved here."""

import json

import numpy as np
import pytest

from deepart_assets.compat import prepare
from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting import build_outpainter, outpaint, subject_difference
from deepart_assets.settings.restoration import StableDiffusion


def save_tiny_pipeline(folder, seed=0):
    """Save an inpainting pipeline of the usual layout; the vocabulary is single characters."""
    prepare()
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionInpaintPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(seed)
    # CLIP's byte alphabet, each character alone and at a word's end, and two marks: 514 entries.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
    tokens = alphabet + [f"{letter}</w>" for letter in alphabet]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    words = folder.parent / f"{folder.name}-words"
    words.mkdir()
    vocabulary, merges = words / "vocab.json", words / "merges.txt"
    vocabulary.write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(vocabulary), str(merges), model_max_length=77)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokens),
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            bos_token_id=len(tokens) - 2,
            eos_token_id=len(tokens) - 1,
            pad_token_id=len(tokens) - 1,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=9,  # latents, mask, latents of the masked picture
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        cross_attention_dim=16,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    vae = AutoencoderKL(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    )
    StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)


def settings_for(model, **more) -> StableDiffusion:
    return StableDiffusion(kind="stable_diffusion", model=str(model), **({"steps": 2} | more))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiny") / "pipeline"
    save_tiny_pipeline(path)
    return path


@pytest.fixture(scope="module")
def painter(folder):
    return build_outpainter(settings_for(folder))


def unfinished(height=64, width=64):
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:height, :width]
    known = (rows - height // 2) ** 2 + (columns - width // 2) ** 2 < (height // 4) ** 2
    return np.dstack([picture, known.astype(np.uint8) * 255])


@pytest.mark.parametrize("size", [(64, 64), (67, 90), (93, 64)])
def test_any_size_end_to_end(painter, size):
    painting = unfinished(*size)
    result = outpaint(painter, painting, prompt="a painting", seed=3)
    assert result.shape == (*size, 3)
    assert subject_difference(painting, result) == 0
    assert result[painting[..., 3] == 0].std() > 0


def test_seed_and_prompt_decide(painter):
    painting = unfinished()

    def run(prompt="a painting", negative_prompt="", seed=3):
        return outpaint(
            painter, painting, prompt=prompt, negative_prompt=negative_prompt, seed=seed
        ).tobytes()

    first = run()
    others = [run(seed=4), run(prompt="xyz"), run(negative_prompt="qqq")]
    assert run() == first  # whatever was painted in between
    assert len({first, *others}) == 4


def spied(painter, monkeypatch, images=None):
    """Record what the pipeline is called with; with `images`, answer with those."""
    seen = {}
    pipeline = painter._pipeline

    def call(**arguments):
        seen.update(arguments)
        if images is not None:
            return type("Output", (), {"images": images})()
        return pipeline(**arguments)

    monkeypatch.setitem(painter.__dict__, "_pipeline", call)
    return seen


def test_padded_by_mirroring_and_never_stretched(painter, monkeypatch):
    seen = spied(painter, monkeypatch)
    painting = unfinished(67, 90)
    outpaint(painter, painting, prompt="p")
    image, mask = np.asarray(seen["image"]), np.asarray(seen["mask_image"])
    assert image.shape == (72, 96, 3)
    assert (seen["height"], seen["width"]) == mask.shape == (72, 96)
    known = painting[..., 3] == 255
    assert np.array_equal(image[:67, :90], np.where(known[..., None], painting[..., :3], 0))
    # White is repainted.
    assert np.array_equal(mask[:67, :90], np.where(known, 0, 255))
    assert np.array_equal(image[67:, :90], image[62:67, :90][::-1])


def test_settings_reach_the_pipeline(folder, monkeypatch):
    painter = build_outpainter(settings_for(folder, steps=3, guidance=4.5))
    seen = spied(painter, monkeypatch)
    outpaint(painter, unfinished(), prompt="p")
    assert (seen["num_inference_steps"], seen["guidance_scale"]) == (3, 4.5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_colours_are_refused(painter, monkeypatch, value):
    spied(painter, monkeypatch, np.full((1, 64, 64, 3), value, np.float32))
    with pytest.raises(PaintingError, match="half_precision"):
        outpaint(painter, unfinished(), prompt="p")


def test_hash_follows_the_weights(folder, tmp_path):
    first = build_outpainter(settings_for(folder)).weights_hash()
    assert first == build_outpainter(settings_for(folder)).weights_hash()
    save_tiny_pipeline(tmp_path / "same", seed=0)
    assert build_outpainter(settings_for(tmp_path / "same")).weights_hash() == first
    save_tiny_pipeline(tmp_path / "other", seed=1)
    assert build_outpainter(settings_for(tmp_path / "other")).weights_hash() != first


def test_a_folder_without_a_pipeline_is_explained(tmp_path):
    painter = build_outpainter(settings_for(tmp_path))
    with pytest.raises(UnavailableError, match="does not hold an inpainting pipeline"):
        outpaint(painter, unfinished(), prompt="p")


def test_pickled_weights_are_not_read(folder, tmp_path):
    import shutil

    copy = tmp_path / "pickled"
    shutil.copytree(folder, copy)
    for file in copy.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(UnavailableError):
        outpaint(build_outpainter(settings_for(copy)), unfinished(), prompt="p")


def test_no_network_is_explained(tmp_path, monkeypatch):
    # Nothing listens there: what an unreachable hub looks like, at once.
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    painter = build_outpainter(settings_for("somebody/no-such-model"))
    with pytest.raises(UnavailableError, match=r"somebody/no-such-model.*(network|model)"):
        painter.weights_hash()
