"""How Stable Diffusion fits into memory: number formats, offload, tiles, slices, compiling."""

import shutil

import numpy as np
import pytest
from pydantic import ValidationError

from deepart_assets.outpainting import build_outpainter
from deepart_assets.outpainting.diffusion.loading import load_pipeline
from deepart_assets.outpainting.diffusion.placement import (
    ROOM,
    offload_for,
    place,
    tiles,
    weights_of,
)
from deepart_assets_tests.outpainting.tiny_pipelines import (
    CLOSE,
    asked,
    difference,
    save_tiny_pipeline,
    save_tiny_xl_pipeline,
    settings_for,
)

GIB = 2**30


@pytest.fixture(scope="module")
def plain(folder):
    """What the usual settings paint, 136×200, larger than a tile of the tiny VAE."""
    return build_outpainter(settings_for(folder))([asked(136, 200)])[0]


@pytest.mark.parametrize("kind", [save_tiny_pipeline, save_tiny_xl_pipeline])
@pytest.mark.parametrize(("precision", "tolerance"), [("float16", 4), ("bfloat16", 24)])
def test_reduced_precision_paints_nearly_the_same(kind, precision, tolerance, tmp_path):
    """The same noise, rounded. Of three steps XL takes two: its strength is below 1."""
    import torch

    folder = kind(tmp_path / "pipeline")
    painter = build_outpainter(settings_for(folder, precision=precision, steps=3))
    [result] = painter([asked()])
    pipeline = painter._pipeline
    parts = [each for each in pipeline.components.values() if isinstance(each, torch.nn.Module)]
    assert {part.dtype for part in parts} == {getattr(torch, precision)}
    [exact] = build_outpainter(settings_for(folder, steps=3))([asked()])
    assert 0 < difference(result, exact) <= tolerance


@pytest.mark.parametrize(
    ("setting", "weights", "free", "expected"),
    [
        ("auto", 2.1, 23, "none"),  # Stable Diffusion 1.5 in float16
        ("auto", 2.1, 5.5, "none"),
        ("auto", 2.1, 3.8, "model"),
        ("auto", 6.9, 7.6, "model"),  # XL
        ("auto", 6.9, 11.6, "none"),
        ("none", 6.9, 2, "none"),
        ("model", 2.1, 80, "model"),
        ("sequential", 2.1, 80, "sequential"),
        ("auto", 2.1, None, "none"),
        ("sequential", 2.1, None, "none"),
    ],
)
def test_what_is_offloaded(setting, weights, free, expected):
    bytes_free = None if free is None else int(free * GIB)
    assert offload_for(setting, int(weights * GIB), bytes_free) == expected


def test_the_limit_of_offloading_is_the_weights_and_some_room():
    assert offload_for("auto", GIB, GIB + ROOM) == "none"
    assert offload_for("auto", GIB, GIB + ROOM - 1) == "model"


def test_a_network_larger_than_the_gpu_goes_layer_by_layer():
    """FLUX.1 in bfloat16 on a GPU of 24 GB: 24 of 34 GB are the transformer's."""
    assert offload_for("auto", 34 * GIB, 80 * GIB, 24 * GIB) == "none"
    assert offload_for("auto", 34 * GIB, 30 * GIB, 24 * GIB) == "model"
    assert offload_for("auto", 34 * GIB, 23 * GIB, 24 * GIB) == "sequential"


def test_weights_are_counted_in_bytes(folder):
    import torch

    whole = load_pipeline(folder, torch.float32)
    on_disk = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    sizes = weights_of(whole)
    assert set(sizes) == {"unet", "vae", "text_encoder"}
    assert 0.8 * on_disk < sum(sizes.values()) < on_disk
    halves = weights_of(load_pipeline(folder, torch.float16))
    assert {name: 2 * size for name, size in halves.items()} == sizes


def test_networks_that_are_not_at_work_wait_and_the_result_is_the_same(folder, plain, monkeypatch):
    """accelerate's hooks at work, with main memory in the GPU's place too."""
    import torch

    painter = build_outpainter(settings_for(folder))
    pipeline = load_pipeline(folder, torch.float32)
    place(pipeline, "model", "cpu")
    assert all(hasattr(p, "_hf_hook") for p in (pipeline.unet, pipeline.vae, pipeline.text_encoder))
    monkeypatch.setitem(painter.__dict__, "_pipeline", pipeline)
    for _ in range(2):
        assert difference(painter([asked(136, 200)])[0], plain) <= CLOSE


def test_all_layers_but_the_one_at_work_wait(folder):
    import torch

    pipeline = load_pipeline(folder, torch.float32)
    place(pipeline, "sequential", "cpu")
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert {each.device.type for each in network.parameters()} == {"meta"}


@pytest.mark.skipif("not __import__('torch').cuda.is_available()", reason="no GPU")
@pytest.mark.parametrize("offload", ["none", "model", "sequential"])
def test_offloading_on_a_gpu(folder, plain, offload):
    painter = build_outpainter(settings_for(folder, offload=offload, precision="float32"))
    for _ in range(2):
        assert difference(painter([asked(136, 200)])[0], plain) <= 3 * CLOSE


def test_large_pictures_are_decoded_in_tiles():
    assert not tiles("auto", 512, 512)
    assert not tiles("auto", 512, 2048)
    assert not tiles("auto", 1024, 2048)
    assert tiles("auto", 1032, 2048)
    assert tiles(True, 64, 64)
    assert not tiles(False, 4096, 4096)


def test_tiles_are_used_for_those_pictures_alone(folder, plain, monkeypatch):
    import deepart_assets.outpainting.diffusion.placement as rules

    monkeypatch.setattr(rules, "TILED_FROM", 100 * 100)
    painter = build_outpainter(settings_for(folder))
    small, large = asked(), asked(136, 200)
    first, tiled, again = (painter([each])[0] for each in (small, large, small))
    assert np.array_equal(first, again)
    assert tiled.shape == plain.shape
    assert difference(tiled, plain) > 0
    # The same picture all the same.
    assert np.abs(tiled.astype(int) - plain).mean() < np.abs(plain.astype(int)[::-1] - plain).mean()
    forced = build_outpainter(settings_for(folder, vae_tiling=False))
    assert np.array_equal(forced([large])[0], plain)


def test_attention_by_parts_comes_to_the_same(folder, plain):
    painter = build_outpainter(settings_for(folder, attention_slicing=True))
    result = painter([asked(136, 200)])[0]
    processors = {type(each).__name__ for each in painter._pipeline.unet.attn_processors.values()}
    assert processors == {"SlicedAttnProcessor"}
    assert difference(result, plain) <= CLOSE


def test_channels_lie_last_and_the_vae_takes_one_picture_at_a_time(folder):
    import torch

    painter = build_outpainter(settings_for(folder))
    for network in (painter._pipeline.unet, painter._pipeline.vae):
        weights = [each for each in network.parameters() if each.ndim == 4]
        assert all(each.is_contiguous(memory_format=torch.channels_last) for each in weights)
    assert painter._pipeline.vae.use_slicing


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_compiled_network_paints_the_same(folder):
    """Up to the order of sums; needs a C++ compiler."""
    requests = [asked(), asked(seed=2)]
    compiled = build_outpainter(settings_for(folder, compile=True))
    plain = build_outpainter(settings_for(folder))
    assert compiled._pipeline.unet._compiled_call_impl is not None
    assert max(map(difference, compiled(requests), plain(requests))) <= CLOSE


@pytest.mark.parametrize(
    "wrong",
    [
        {"half_precision": True},
        {"precision": "fp16"},
        {"steps": 0},
        {"guidance": -1},
        {"preset": "best"},
        {"scheduler": "DDIMScheduler"},
        {"offload": True},
        {"vae_tiling": "large"},
        {"batch": 0},
        {"model": ""},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        settings_for(**{"model": "m", **wrong})
