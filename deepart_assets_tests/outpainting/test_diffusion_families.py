"""The families of diffusers beyond Stable Diffusion: how each is called, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deepart_assets.compat import prepare
from deepart_assets.compute.precision import dtype_for
from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting import build_outpainter, outpaint, subject_difference
from deepart_assets.outpainting.diffusion import canvas, outpainter
from deepart_assets.outpainting.diffusion.canvas import size_on_canvas
from deepart_assets.outpainting.diffusion.families import BY_PIPELINE, FAMILIES
from deepart_assets.outpainting.diffusion.loading import hash_of_pipeline
from deepart_assets.outpainting.diffusion.plan import plan_for
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.tiny_families import (
    SAVERS,
    diffusers_settings,
    save_klein,
    save_z_image,
)
from deepart_assets_tests.outpainting.tiny_pipelines import (
    CLOSE,
    asked,
    difference,
    settings_for,
    spied,
    unfinished,
)

NAMES = list(SAVERS)


def answered(painter, monkeypatch, count=1, size=(80, 96)):
    """Return a spy that answers in the pipeline's place."""
    return spied(painter, monkeypatch, images=np.full((count, *size, 3), 0.5, np.float32))


def called(folder, monkeypatch, request=None, **settings):
    """Return the arguments of the call for one request."""
    painter = build_outpainter(diffusers_settings(folder, **settings))
    spy = answered(painter, monkeypatch)
    painter([request or asked(67, 90)])
    [call] = spy.calls
    return call


# --- painting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_with_different_masks_equals_one_by_one(family_painters, name):
    one, two = asked(64, 64, 1, prompt="one"), asked(64, 64, 2, prompt="two")
    two.known[:20] = True
    painter = family_painters[name]
    together = painter([one, two])
    alone = [painter([each])[0] for each in (one, two)]
    for batched, single in zip(together, alone, strict=True):
        assert batched.std() > 0
        assert difference(batched, single) <= CLOSE
    assert difference(*together) > CLOSE
    # Another mask alone gives another picture.
    two.known[:20] = False
    assert difference(painter([two])[0], alone[1]) > CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_size_end_to_end(family_painters, name):
    painting = unfinished(67, 90)
    result = outpaint(family_painters[name], painting, prompt="a painting", seed=3)
    assert result.shape == (67, 90, 3)
    assert subject_difference(painting, result) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_on_a_gpu_transformers_are_of_bfloat16(family_folders, name):
    import torch

    family = next(each for each in FAMILIES if each.name == name)
    assert dtype_for("auto", "cuda", family.precision) == torch.bfloat16
    assert dtype_for("auto", "cpu", family.precision) == torch.float32
    painter = build_outpainter(diffusers_settings(family_folders[name], precision="bfloat16"))
    [picture] = painter([asked()])
    pipeline = painter._pipeline
    parts = [each for each in pipeline.components.values() if isinstance(each, torch.nn.Module)]
    assert {part.dtype for part in parts} == {torch.bfloat16}
    assert picture.std() > 0


# --- the call ------------------------------------------------------------------------------------

CALLS = {
    "Stable Diffusion 3.5": {
        "strength": 0.9,
        "num_inference_steps": 28,
        "guidance_scale": 4.5,
        "negative_prompt": ["ugly"],
    },
    "FLUX.1 Fill": {"strength": 1.0, "num_inference_steps": 50, "guidance_scale": 30},
    "FLUX.1": {"strength": 0.9, "num_inference_steps": 28, "guidance_scale": 7},
    "FLUX.2 klein": {"strength": 0.8, "num_inference_steps": 4, "guidance_scale": 1},
    "Z-Image": {
        "strength": 0.85,
        "num_inference_steps": 50,
        "guidance_scale": 4,
        "negative_prompt": ["ugly"],
    },
    "Qwen-Image": {
        "strength": 0.9,
        "num_inference_steps": 50,
        "true_cfg_scale": 4,
        "negative_prompt": ["ugly"],
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_every_family_is_called_in_its_own_way(family_folders, monkeypatch, caplog, name):
    request = asked(67, 90, negative_prompt="ugly")
    call = called(family_folders[name], monkeypatch, request, steps=None)
    assert ("takes no negative prompt" in caplog.text) == ("negative_prompt" not in CALLS[name])
    image, hole = np.asarray(call.pop("image")[0]), np.asarray(call.pop("mask_image")[0])
    assert image.shape == (80, 96, 3)  # multiples of 16, by mirroring
    assert np.array_equal(image[67:80, :90], image[54:67, :90][::-1])
    assert np.array_equal(hole[:67, :90], np.where(request.known, 0, 255))
    assert np.array_equal(image[:67, :90][request.known], request.picture[request.known])
    around = image[:67, :90][~request.known]
    if name == "FLUX.1 Fill":  # is given the mask
        assert (around == 128).all()
    else:
        assert len(np.unique(around)) > 50
    assert len(call.pop("generator")) == 1
    shared = {"prompt": ["p"], "height": 80, "width": 96, "output_type": "np"}
    assert call == shared | CALLS[name]


def test_few_steps_for_distilled_models_by_index_name_or_setting(tmp_path):
    turbo, plain = save_z_image(tmp_path / "Z-Image-Turbo"), save_z_image(tmp_path / "image")
    base = save_klein(tmp_path / "base", is_distilled=False)

    def steps(folder, **more):
        sampling = plan_for(diffusers_settings(folder, steps=None, **more), folder).sampling
        return sampling.steps, sampling.guidance

    assert steps(turbo) == (8, 0)
    assert steps(turbo, preset="quality") == (50, 4)
    assert steps(plain) == (50, 4)
    assert steps(plain, preset="few_steps", guidance=1.5) == (8, 1.5)
    assert steps(base) == (50, 4)


@pytest.mark.parametrize("kind", ["inpainting", "XL"])
def test_few_steps_of_stable_diffusion_are_those_of_lcm(folders, monkeypatch, kind):
    """Its scheduler adds noise at each step, which comes from each picture's own generator."""
    painter = build_outpainter(diffusers_settings(folders[kind], preset="few_steps", steps=None))
    spy = spied(painter, monkeypatch)
    requests = [asked(64, 64, seed, prompt=str(seed)) for seed in (1, 2)]
    together = painter(requests)
    assert spy.calls[0]["num_inference_steps"] == 8
    assert spy.calls[0]["guidance_scale"] == 1.5
    assert type(spy.scheduler).__name__ == "LCMScheduler"
    for request, batched in zip(requests, together, strict=True):
        assert batched.std() > 0
        assert difference(painter([request])[0], batched) <= CLOSE


def test_guidance_of_qwen_image_needs_a_negative_prompt(family_folders, monkeypatch):
    folder = family_folders["Qwen-Image"]
    assert called(folder, monkeypatch)["negative_prompt"] == [" "]
    assert called(folder, monkeypatch, guidance=1)["negative_prompt"] is None


def test_xl_for_inpainting_begins_with_a_trace_of_the_picture(folders, monkeypatch):
    for kind, strength in [("XL", 0.9999), ("inpainting", 1), ("text to image", 1)]:
        painter = build_outpainter(settings_for(folders[kind]))
        spy = answered(painter, monkeypatch, size=(64, 64))
        painter([asked()])
        assert spy.calls[0]["strength"] == strength


# --- what lies in the hole, and at which size ----------------------------------------------------


@pytest.mark.parametrize(
    "fill", ["telea", "patchmatch", pytest.param("scene_completion", marks=pytest.mark.slow)]
)
def test_the_hole_is_filled_first(family_folders, monkeypatch, fill):
    request = asked(96, 96)
    request.picture[request.known] = (200, 40, 40)
    call = called(family_folders["Z-Image"], monkeypatch, request, fill=fill)
    image = np.asarray(call["image"][0])
    assert (image[request.known] == (200, 40, 40)).all()
    around = image[~request.known].astype(int)
    assert (around != 128).any(axis=1).all()
    if fill != "scene_completion":  # the subject's own colours
        assert np.abs(around - (200, 40, 40)).mean() < 4


def test_the_grounds_that_fill_the_hole_are_part_of_what_the_picture_depends_on(
    family_folders, monkeypatch
):
    painter = build_outpainter(
        diffusers_settings(family_folders["Z-Image"], fill="scene_completion")
    )
    assert painter.descriptor.reads_labels
    before = painter.weights_hash()
    other = SimpleNamespace(hash="of another library")
    monkeypatch.setattr(outpainter, "shipped_folder", lambda: other)
    assert painter.weights_hash() != before


def test_what_fills_the_hole_decides_the_picture(family_folders):
    folder = family_folders["Z-Image"]
    pictures = [
        build_outpainter(diffusers_settings(folder, steps=8, fill=fill))([asked()])[0]
        for fill in ("telea", "patchmatch")
    ]
    assert difference(*pictures) > CLOSE


def test_a_small_working_copy_is_painted_at_the_native_size(folders, monkeypatch):
    """The tiny UNet's configuration says 8 latent pixels, which are 64."""
    folder, request = folders["inpainting"], asked(24, 30)
    painter = build_outpainter(diffusers_settings(folder, resolution="native"))
    spy = spied(painter, monkeypatch)
    [result] = painter([request])
    [call] = spy.calls
    assert (call["height"], call["width"]) == (64, 72)  # 57×72
    image, hole = np.asarray(call["image"][0]), np.asarray(call["mask_image"][0])
    assert set(np.unique(hole)) == {0, 255}
    assert abs((hole[:57] == 0).mean() - request.known.mean()) < 0.05
    assert (image[hole == 255] == 128).all()
    assert result.shape == (24, 30, 3)
    assert painter.weights_hash() != build_outpainter(diffusers_settings(folder)).weights_hash()
    # A larger one is not reduced.
    painter([asked(80, 96)])
    assert (spy.calls[1]["height"], spy.calls[1]["width"]) == (80, 96)


def test_klein_is_never_given_more_than_a_megapixel(family_folders, monkeypatch):
    """Its class would reduce it, and return a smaller picture."""
    settings = diffusers_settings(family_folders["FLUX.2 klein"], resolution="native", fill="telea")
    plan = plan_for(settings, family_folders["FLUX.2 klein"])
    for height, width in [(512, 640), (1200, 900), (300, 2400), (1024, 1024)]:
        size = size_on_canvas((height, width), plan)
        area = size.padded_height * size.padded_width
        assert 0.7 * 1024**2 < area <= 1024**2
        assert size.padded_height % 16 == size.padded_width % 16 == 0
        assert abs(size.height / height - size.width / width) < 1 / min(height, width)
    painter = build_outpainter(settings)
    spy = answered(painter, monkeypatch, size=(1024, 1024))
    request = asked(90, 100)
    [result] = painter([request])
    assert np.asarray(spy.calls[0]["image"][0]).shape == (960, 1072, 3)
    assert result.shape == request.picture.shape


# --- a second pass, and a reference --------------------------------------------------------------


@pytest.mark.parametrize("name", ["inpainting", "Z-Image"])
def test_a_second_pass_over_the_seam(folders, family_folders, monkeypatch, name):
    folder = folders.get(name) or family_folders[name]
    light = {"seam_pass": {"width": 6, "strength": 0.5}, "steps": 4}
    painter = build_outpainter(diffusers_settings(folder, **light))
    spy = spied(painter, monkeypatch)
    requests = [asked(64, 64, 1, prompt="one"), asked(64, 64, 2, prompt="two")]
    results = painter(requests)
    first, second = spy.calls
    assert (first["strength"], second["strength"]) == (0.85 if name == "Z-Image" else 1, 0.5)
    assert second["prompt"] == ["one", "two"]
    [once, _] = build_outpainter(diffusers_settings(folder, steps=4))(requests)
    known = requests[0].known
    image, hole = np.asarray(second["image"][0]), np.asarray(second["mask_image"][0]) == 255
    # It sees the subject in its own colours, and what the first pass painted.
    assert (image[known] == requests[0].picture[known]).all()
    assert difference(image[~known], once[~known]) <= CLOSE
    # Both sides of the seam, and nothing far from it.
    assert hole[known].any()
    assert hole[~known].any()
    assert not hole[32, 32]
    assert not hole[0, 0]
    assert difference(results[0], once) > CLOSE
    painting = unfinished()
    assert subject_difference(painting, outpaint(painter, painting, prompt="p")) == 0


def test_the_subject_is_the_reference(family_folders, monkeypatch):
    monkeypatch.setattr(canvas, "REFERENCE_SIDE", 96)
    folder = family_folders["FLUX.2 klein"]
    painter = build_outpainter(diffusers_settings(folder, reference="subject"))
    spy = spied(painter, monkeypatch)
    one, two = asked(64, 64, 1), asked(64, 64, 2)
    two.known[:40] = False  # a flat one
    two.known[50, 5] = True
    together = painter([one, two])
    [call] = spy.calls
    assert [each.size for each in call["image_reference"]] == [(96, 96)] * 2
    assert np.asarray(call["image_reference"][0]).std() > 20
    for request, batched in zip((one, two), together, strict=True):
        assert difference(painter([request])[0], batched) <= CLOSE
    without = build_outpainter(diffusers_settings(folder))
    assert difference(without([one])[0], painter([one])[0]) > 0
    # Or another picture, in the place of the first's own subject.
    red = np.full((30, 40, 3), (200, 10, 10), np.uint8)
    spy.calls.clear()
    painter([replace(one, reference=canvas.reference_picture(red)), two])
    shown, own = (np.asarray(each) for each in spy.calls[0]["image_reference"])
    assert shown.shape == (96, 96, 3) and (shown == (200, 10, 10)).all()
    assert np.array_equal(own, np.asarray(call["image_reference"][1]))


def test_a_family_without_references_refuses_them(family_folders):
    painter = build_outpainter(diffusers_settings(family_folders["Z-Image"], reference="subject"))
    with pytest.raises(UnavailableError, match=r"takes no reference picture.*FLUX\.2 klein"):
        painter.weights_hash()


# --- provenance ----------------------------------------------------------------------------------


def test_what_stable_diffusion_has_painted_keeps_its_provenance(folders):
    painted = settings_for("m").provenance()
    assert set(painted) == {
        "kind", "model", "revision", "preset", "steps", "guidance", "scheduler", "precision",
        "vae_tiling",
    }  # fmt: skip
    for kind in ("inpainting", "text to image"):
        painter = build_outpainter(settings_for(folders[kind]))
        assert painter.weights_hash() == hash_of_pipeline(folders[kind])
    xl = build_outpainter(settings_for(folders["XL"])).weights_hash()
    assert xl != hash_of_pipeline(folders["XL"])


@pytest.mark.parametrize(
    "other", [{"strength": 0.5}, {"fill": "telea"}, {"preset": "few_steps", "steps": None}]
)
def test_how_the_family_is_called_is_part_of_the_identity(family_folders, other):
    folder = family_folders["Z-Image"]
    hashes = {
        build_outpainter(diffusers_settings(folder, **more)).weights_hash()
        for more in ({}, other, {"fill": "patchmatch"})
    }
    assert len(hashes) == 2


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "match"),
    [
        ("Z-Image", {"scheduler": "dpm_solver"}, r"flow-matching model \(Z-Image\).*scheduler"),
        ("FLUX.1 Fill", {"preset": "few_steps"}, "FLUX.1 Fill has no preset few_steps"),
        ("Z-Image", {"fill": "grey"}, "begins with what lies in the hole.*fill to patchmatch"),
        ("FLUX.1", {"fill": "grey"}, "begins with what lies in the hole"),
    ],
)
def test_settings_that_do_not_suit_the_family(family_folders, name, settings, match):
    painter = build_outpainter(diffusers_settings(family_folders[name], **settings))
    with pytest.raises(UnavailableError, match=match):
        painter.weights_hash()


def test_a_strength_that_leaves_no_step(folders):
    painter = build_outpainter(diffusers_settings(folders["XL"], steps=1))
    with pytest.raises(UnavailableError, match=r"0\.9999 leaves none of 1 steps: raise"):
        painter.weights_hash()


def test_an_unknown_family_is_refused_with_the_list(family_folders, tmp_path):
    folder = Path(shutil.copytree(family_folders["FLUX.1"], tmp_path / "other"))
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "KolorsPipeline"}))
    with pytest.raises(UnavailableError, match="a KolorsPipeline, which cannot inpaint") as caught:
        build_outpainter(diffusers_settings(folder)).weights_hash()
    for family in FAMILIES:
        assert family.name in str(caught.value)
    for pipeline in BY_PIPELINE:
        assert pipeline in str(caught.value)


def test_another_kind_paints_with_it(family_folders):
    painter = build_outpainter(settings_for(family_folders["FLUX.1"]))
    with pytest.raises(UnavailableError, match=r"a FluxPipeline, .* or its kind to diffusers"):
        painter.weights_hash()


def test_a_network_of_another_number_of_channels(family_folders, tmp_path):
    folder = Path(shutil.copytree(family_folders["FLUX.1"], tmp_path / "depth"))
    file = folder / "transformer" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"in_channels": 128}))
    with pytest.raises(UnavailableError, match=r"128 input channels.* \(64 can\)"):
        build_outpainter(diffusers_settings(folder)).weights_hash()


def test_every_class_of_the_table_is_one_of_diffusers():
    import inspect

    prepare()
    import diffusers

    for family in FAMILIES:
        for pipeline in family.pipelines:
            assert hasattr(diffusers, pipeline)
        call = inspect.signature(getattr(diffusers, family.inpaints).__call__).parameters
        wanted = {"prompt", "image", "mask_image", "height", "width", "strength", family.guidance}
        assert wanted <= set(call)
        assert family.negative_prompt <= ("negative_prompt" in call)


def test_the_documentation_has_the_values_of_the_table():
    lines = (PROJECT / "docs" / "outpainting.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "| ×" in line]
    assert len(rows) == len(FAMILIES)
    for family in FAMILIES:
        [row] = [row for row in rows if row[1] in family.models]
        _, model, multiple, native, steps, strength, licence, _ = row
        assert multiple == f"×{family.multiple}"
        assert native == str(family.native)
        for sampling in filter(None, (family.quality, family.few_steps)):
            if family.schedules == "flow":
                assert f"{sampling.steps}, {sampling.guidance:g}" in steps
        assert f"{family.quality.steps}, {family.quality.guidance:g}" in steps
        assert strength in {f"{each:g}" for each in family.strengths.values()}
        assert ("gated" in licence) == ("gated" in family.models[model])
