"""Stable Diffusion end to end: tiny pipelines with random weights, built and saved here."""

import numpy as np
import pytest
from pydantic import ValidationError

from deepart_assets.errors import PaintingError
from deepart_assets.outpainting import (
    build_outpainter,
    outpaint,
    request_for,
    seam_score,
    subject_difference,
)
from deepart_assets.settings.stable_diffusion import PRESETS, StableDiffusion
from deepart_assets_tests.outpainting.tiny_pipelines import (
    asked,
    difference,
    settings_for,
    spied,
    unfinished,
)

# --- one painting --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (67, 90), (93, 64)])
@pytest.mark.parametrize("kind", ["inpainting", "text to image", "XL"])
def test_any_size_end_to_end(painters, kind, size):
    painting = unfinished(*size)
    result = outpaint(painters[kind], painting, prompt="a painting", seed=3)
    assert result.shape == (*size, 3)
    assert subject_difference(painting, result) == 0
    assert result[painting[..., 3] == 0].std() > 0


@pytest.mark.parametrize("kind", ["inpainting", "text to image", "XL"])
def test_seed_and_prompt_decide(painters, kind):
    painting = unfinished()

    def run(prompt="a painting", negative_prompt="", seed=3):
        return outpaint(
            painters[kind], painting, prompt=prompt, negative_prompt=negative_prompt, seed=seed
        ).tobytes()

    first = run()
    others = [run(seed=4), run(prompt="xyz"), run(negative_prompt="qqq")]
    assert run() == first  # whatever was painted in between
    assert len({first, *others}) == 4


@pytest.mark.parametrize("kind", ["inpainting", "text to image", "XL"])
def test_the_known_pixels_decide_and_the_unknown_do_not(painters, kind):
    one, other, elsewhere = asked(), asked(), asked()
    other.picture[~other.known] = 200
    elsewhere.picture[elsewhere.known] //= 2
    results = [painters[kind]([each])[0] for each in (one, other, elsewhere)]
    assert difference(results[0], results[1]) == 0
    assert difference(results[0], results[2]) > 0


def test_padded_by_mirroring_and_never_stretched(painter, monkeypatch):
    spy = spied(painter, monkeypatch)
    painting = unfinished(67, 90)
    outpaint(painter, painting, prompt="p")
    [call] = spy.calls
    image, mask = np.asarray(call["image"][0]), np.asarray(call["mask_image"][0])
    assert image.shape == (72, 96, 3)
    assert (call["height"], call["width"]) == mask.shape == (72, 96)
    known = painting[..., 3] == 255
    assert np.array_equal(image[:67, :90], np.where(known[..., None], painting[..., :3], 128))
    # White is repainted.
    assert np.array_equal(mask[:67, :90], np.where(known, 0, 255))
    assert np.array_equal(image[67:, :90], image[62:67, :90][::-1])


def test_the_whole_picture_comes_back_so_that_colours_can_be_matched(painter, monkeypatch):
    """In the original notebook subjects were 14 to 17 grey levels off; here they do not change."""
    painting = unfinished()
    painting[..., :3] = 120  # of one tone
    painting[::2, :, :3] = 124
    spied(painter, monkeypatch, images=painting[None, ..., :3].astype(np.float32) / 255 + 16 / 255)
    [generated] = painter([request_for(painting, prompt="p")])
    known = painting[..., 3] == 255
    assert (generated[known].astype(int) - painting[..., :3][known] == 16).all()
    result = outpaint(painter, painting, prompt="p")
    assert subject_difference(painting, result) == 0
    assert seam_score(painting, result) < 1.5
    near = result[16:48, 16:48].astype(int) - painting[16:48, 16:48, :3]
    assert np.abs(near).max() <= 4


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_colours_are_refused(painter, monkeypatch, value):
    images = np.full((2, 64, 64, 3), 0.5, np.float32)
    images[1, 3, 4] = value
    spied(painter, monkeypatch, images=images)
    with pytest.raises(PaintingError, match="precision to bfloat16 or float32"):
        painter([asked(seed=1), asked(seed=2)])


# --- presets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, (50, 7.5, "PNDMScheduler")),
        ({"preset": "fast"}, (20, 7.5, "DPMSolverMultistepScheduler")),
        (
            {"preset": "fast", "steps": 12, "guidance": 4.5},
            (12, 4.5, "DPMSolverMultistepScheduler"),
        ),
        ({"preset": "fast", "scheduler": "model"}, (20, 7.5, "PNDMScheduler")),
        ({"scheduler": "ddim", "guidance": 0}, (50, 0, "DDIMScheduler")),
    ],
)
def test_presets_and_what_overrides_them_reach_the_pipeline(folder, monkeypatch, chosen, expected):
    painter = build_outpainter(settings_for(folder, **{"steps": None, **chosen}))
    spy = spied(painter, monkeypatch, images=np.full((1, 64, 64, 3), 0.5, np.float32))
    painter([asked()])
    [call] = spy.calls
    scheduler = type(spy.scheduler).__name__
    assert (call["num_inference_steps"], call["guidance_scale"], scheduler) == expected
    assert call["strength"] == 1
    # The noise levels that the model was trained on.
    assert spy.scheduler.config.beta_schedule == "scaled_linear"
    assert spy.scheduler.config.beta_end == 0.012


def test_preset_and_single_values_are_recorded():
    chosen = settings_for("m", preset="fast", guidance=3, steps=None)
    recorded = chosen.model_dump(mode="json")
    assert (recorded["preset"], recorded["guidance"], recorded["steps"]) == ("fast", 3, None)
    # The launchpad's values override these.
    again = StableDiffusion.model_validate({**recorded, "preset": "original"})
    assert again.sampling_from(PRESETS[again.preset]).steps == PRESETS["original"].steps
    with pytest.raises(ValidationError, match="preset seed is now called original"):
        StableDiffusion.model_validate({**recorded, "preset": "seed"})


@pytest.mark.parametrize("kind", ["inpainting", "text to image", "XL"])
@pytest.mark.parametrize("scheduler", ["ddim", "euler", "dpm_solver", "unipc", "lcm"])
def test_all_schedulers_paint(folders, kind, scheduler):
    painter = build_outpainter(settings_for(folders[kind], steps=4, scheduler=scheduler))
    first, again = (painter([asked()])[0] for _ in range(2))
    assert first.std() > 0
    assert np.array_equal(first, again)  # no noise but the seed's
