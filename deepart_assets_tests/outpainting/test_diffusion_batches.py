"""Several paintings through Stable Diffusion at once, and memory that is too short for them."""

import itertools

import pytest

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting import (
    build_outpainter,
    request_for,
)
from deepart_assets_tests.outpainting.tiny_pipelines import (
    CLOSE,
    asked,
    difference,
    settings_for,
    spied,
    unfinished,
)

# --- several paintings ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["inpainting", "text to image", "XL"])
def test_a_batch_equals_one_by_one(painters, kind):
    requests = [
        asked(64, 64, 1, prompt="one"),
        asked(67, 90, 2, prompt="two"),
        asked(64, 64, 3, prompt="three", negative_prompt="ugly"),
        asked(72, 96, 4, prompt="four"),  # padded, as large as the second
        asked(64, 64, 5, prompt="five"),
    ]
    together = painters[kind](requests)
    alone = [painters[kind]([each])[0] for each in requests]
    backwards = painters[kind](requests[::-1])[::-1]
    for one, other, third, request in zip(together, alone, backwards, requests, strict=True):
        assert one.shape == request.picture.shape
        assert max(difference(one, other), difference(one, third)) <= CLOSE
    for one, other in itertools.combinations(together, 2):
        assert one.shape != other.shape or difference(one, other) > CLOSE


def test_nothing_asked_nothing_painted(painter, monkeypatch):
    spy = spied(painter, monkeypatch)
    assert painter([]) == []
    assert spy.calls == []


def test_one_size_together_and_no_more_than_the_batch(folder, monkeypatch):
    painter = build_outpainter(settings_for(folder, batch=2))
    spy = spied(painter, monkeypatch)
    painter([asked(*size, seed=n) for n, size in enumerate([(64, 64), (64, 72)] * 3)])
    assert [(call["width"], len(call["prompt"])) for call in spy.calls] == [
        (64, 2), (64, 1), (72, 2), (72, 1),
    ]  # fmt: skip


def test_equal_pictures_with_other_seeds_differ(painter):
    """Several candidates of one painting are asked for together."""
    painting = unfinished()
    several = painter([request_for(painting, prompt="p", seed=seed) for seed in range(3)])
    assert all(difference(*pair) > CLOSE for pair in itertools.combinations(several, 2))


# --- memory --------------------------------------------------------------------------------------


def lacks():
    import torch

    return [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate"),
        MemoryError(),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(3))
def test_lack_of_memory_halves_the_batch_and_is_remembered(folder, monkeypatch, kind):
    painter = build_outpainter(settings_for(folder, batch=8))
    expected = painter([asked(seed=seed) for seed in range(9)])
    spy = spied(painter, monkeypatch, holds=3, error=lacks()[kind])
    results = painter([asked(seed=seed) for seed in range(9)])
    assert spy.counts == [8, 4, 2, 2, 2, 2, 1]
    assert max(map(difference, results, expected)) <= CLOSE
    painter([asked(seed=seed) for seed in range(3)])
    assert spy.counts[7:] == [2, 1]
    painter([asked(64, 72, seed=seed) for seed in range(2)])  # another size begins again
    assert spy.counts[9:] == [2]


@pytest.mark.parametrize("kind", range(3))
def test_lack_of_memory_for_one_picture_is_explained(folder, monkeypatch, kind):
    painter = build_outpainter(settings_for(folder))
    spy = spied(painter, monkeypatch, holds=0, error=lacks()[kind])
    with pytest.raises(PaintingError, match=r"64×64 pixels.*offload.*working_side"):
        painter([asked(seed=seed) for seed in range(2)])
    assert spy.counts == [2, 1]


def test_other_errors_are_not_taken_for_lack_of_memory(folder, monkeypatch):
    painter = build_outpainter(settings_for(folder))
    spy = spied(painter, monkeypatch, holds=0, error=RuntimeError("shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="multiplied"):
        painter([asked(seed=seed) for seed in range(2)])
    assert spy.counts == [2]


def test_the_model_is_loaded_once_and_not_before_the_first_picture(folder, monkeypatch):
    from diffusers import StableDiffusionInpaintPipeline

    loads = []
    real = StableDiffusionInpaintPipeline.from_pretrained
    monkeypatch.setattr(
        StableDiffusionInpaintPipeline,
        "from_pretrained",
        lambda *args, **more: loads.append(args) or real(*args, **more),
    )
    painter = build_outpainter(settings_for(folder))
    painter.weights_hash()
    assert loads == []
    for seed in range(3):
        painter([asked(seed=seed), asked(64, 72, seed=seed)])
    assert len(loads) == 1
