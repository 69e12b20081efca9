"""Bad masks, odd sizes, and unavailable models: one clear message each, the rest goes on."""

import logging
import re

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from deepart_assets.assets.outpaintings import outpaintings_by
from deepart_assets.imaging import decode_grey, decode_rgb, decode_rgba, encode_png
from deepart_assets.orchestration.context import Painting, StageContext
from deepart_assets.outpainting import subject_difference
from deepart_assets.settings import load_settings
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.hub import REFUSALS, point_at, serve_hub
from deepart_assets_tests.outpainting.comodgan.small import tiny
from deepart_assets_tests.outpainting.tiny_pipelines import save_tiny_pipeline

KEYS = {f"p{number}" for number in range(5)}


def restore(project, instance, *outpainters):
    """Run these outpainters and all before them; return what each failed step says."""
    before = ["predicted_masks", "subject_masks", "unfinished_paintings"]
    weights = [
        f"{name}_weights"
        for name in outpainters
        if project.content["outpainters"][name]["kind"] == "artificially_inspired"
    ]
    own = [f"{name}_outpaintings" for name in outpainters]
    selection = [dg.AssetKey(name) for name in [*before, *weights, *own]]
    with project.run("restore", instance, asset_selection=selection) as result:
        return failures(result)


def failures(result):
    return {
        event.step_key: event.event_specific_data.user_failure_data.description
        for event in result.all_events
        if event.event_type_value == "STEP_FAILURE"
    }


def records(project, asset):
    return {key: project.store.get(asset, key) for key in project.store.keys(asset)}


def lay_mask(project, key, levels):
    project.lake.write(f"masks/{key}.png", encode_png(levels))


# --- masks ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_wrong_mask_stops_its_own_painting_and_no_other(done, instance):
    height, width = decode_grey(done.lake.read("subject_masks/p0.png"), "").shape
    lay_mask(done, "p0", np.full((height, width), 255, np.uint8))
    grey = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    lay_mask(done, "p1", grey)
    lay_mask(done, "p2", np.zeros((width, 2 * height), np.uint8))
    twice = np.zeros((2 * height, 2 * width), np.uint8)
    twice[height:, 40:-40] = 255
    lay_mask(done, "p3", twice)
    failed = restore(done, instance, "telea")
    assert failed == {
        "subject_masks": "3 of 5 paintings failed in subject_masks; the others are done."
    }
    reasons = {key: record.reason for key, record in records(done, "subject_masks").items()}
    for key, fault, remedy in [
        ("p0", "is all white: nothing would be generated", "or remove the file"),
        ("p1", "is not a mask: ", "Draw the subject white and the rest black"),
        ("p2", f"is {2 * height}×{width} pixels, the painting", "Draw the mask on the painting"),
    ]:
        assert reasons[key].startswith(f"masks/{key}.png {fault}")
        assert remedy in reasons[key]
    assert reasons["p3"] is None and reasons["p4"] is None
    # A larger mask of the same shape counts, at the painting's size.
    np.testing.assert_array_equal(
        decode_grey(done.lake.read("subject_masks/p3.png"), ""), twice[::2, ::2]
    )
    known = decode_rgba(done.lake.read("unfinished_paintings/p3.png"), "")[..., 3] == 255
    painted = decode_rgb(done.lake.read("telea_outpaintings/p3.png"), "")
    assert known[-1].any() and not known[: len(known) // 2 - 1].any()
    assert painted[~known].any()


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_painting_below_64_pixels_and_one_beyond_10_000(project, instance, tmp_path):
    """From the picture to the upscaled result, by each family of outpainters."""
    file = tmp_path / "tiny.safetensors"
    file.write_bytes(to_bytes(tiny().state_dict(), {"stage": "test"}))
    project.content["outpainters"] = {
        "telea": {"kind": "telea"},
        "patchmatch": {"kind": "patchmatch"},
        "inspired": {
            "kind": "artificially_inspired",
            "weights": {"kind": "file", "path": str(file)},
        },
        "diffusion": {
            "kind": "stable_diffusion",
            "model": str(save_tiny_pipeline(tmp_path / "pipeline")),
            "steps": 1,
        },
    }
    sizes = {"a_stamp": (40, 30), "frieze": (800, 10_100), "p0": (200, 160)}
    for name in ("a_stamp", "frieze"):
        Image.fromarray(draw_painting(1, *sizes[name])).save(project.pictures / f"{name}.png")
    with project.run("catalogue", instance) as result:
        assert result.success
    for name in ("a_stamp", "frieze"):
        height, width = sizes[name]
        levels = np.zeros(sizes[name], np.uint8)
        levels[height // 3 :, width // 3 : width // 2] = 255
        lay_mask(project, name, levels)
    with project.run("restore", instance, keys=list(sizes)) as result:
        assert result.success
    for name in project.content["outpainters"]:
        for key, (height, width) in sizes.items():
            unfinished = decode_rgba(project.lake.read(f"unfinished_paintings/{key}.png"), key)
            painted = decode_rgb(project.lake.read(f"{name}_outpaintings/{key}.png"), key)
            upscaled = decode_rgb(project.lake.read(f"{name}_upscaled/{key}.png"), key)
            side = min(64, height)  # never enlarged, never stretched
            smaller = min(side, width)
            assert min(painted.shape[:2]) == smaller
            wanted = max(height, width) / min(height, width)
            assert abs(max(painted.shape[:2]) / smaller - wanted) < 1 / smaller
            assert subject_difference(unfinished, painted) == 0
            assert upscaled.shape[:2] == (4 * painted.shape[0], 4 * painted.shape[1])
    assert project.lake.exists("restoration_sheets/frieze.jpg")


# --- unavailable models -------------------------------------------------------------------


@pytest.mark.slow
def test_weights_of_a_comodgan_that_are_not_there_or_are_none(done, instance, tmp_path):
    page = tmp_path / "page.pkl"
    page.write_text("<html>Sign in to download</html>")
    for name, path in [("missing", tmp_path / "nowhere.pkl"), ("page", page)]:
        done.content["outpainters"][name] = {
            "kind": "artificially_inspired",
            "weights": {"kind": "file", "path": str(path)},
        }
    (done.root / "records" / "telea_outpaintings" / "p1.json").unlink()
    failed = restore(done, instance, "missing", "page", "telea")
    lacking = failed.pop("missing_outpaintings"), failed.pop("page_outpaintings")
    assert set(failed) == {"missing_weights", "page_weights"}
    assert lacking == (
        "missing_weights has no result yet: materialize it first",
        f"page_weights failed: {failed['page_weights']}",
    )
    assert f"There is no file {tmp_path / 'nowhere.pkl'}: set " in failed["missing_weights"]
    assert ".path to a file of a CoModGAN generator" in failed["missing_weights"]
    assert failed["page_weights"].startswith(f"{page} is a web page, not weights")
    assert "download the file again in a browser" in failed["page_weights"]
    assert set(records(done, "telea_outpaintings")) == KEYS


@pytest.mark.slow
def test_an_unavailable_outpainter_keeps_no_other_result_from_being_published(
    done, instance, tmp_path, capsys
):
    model = str(tmp_path / "nowhere")
    done.content["outpainters"]["missing"] = {"kind": "stable_diffusion", "model": model}
    result = done.store.get("telea_upscaled", "p1")
    choice = {"decision": "accepted", "outpainter": "telea", "sha256": result.files[0].version}
    done.lake.write_json("choices/p1.json", choice)
    done.lake.remove("gallery/index.html")
    with done.run("restore", instance) as result:
        assert set(failures(result)) == {"missing_outpaintings"}
        ended = {event.step_key for event in result.all_events if event.is_step_success}
    assert {"missing_upscaled", "restoration_sheets", "chosen_restorations", "gallery"} <= ended
    assert done.lake.exists("chosen_restorations/p1.png")
    assert done.lake.exists("gallery/index.html")
    logged = capsys.readouterr().out
    for step in ("missing_upscaled", "restoration_sheets"):
        assert f"{step} 2/5 p1: left out: missing_outpaintings has no result yet" in logged


def test_a_prompt_that_lacks_a_label_is_no_fault_where_nothing_reads_it(project):
    settings = load_settings(str(project.write_profile()))
    spec = outpaintings_by("telea", settings.outpainters["telea"])
    stage = spec.stage(StageContext(settings, project.store, logging.getLogger()))
    unlabelled = Painting("p0", "p0.png", "0" * 64, labels={}, store=project.store)
    assert stage.details(unlabelled)["prompt"] == ""


def test_pipelines_that_are_unavailable(done, instance, tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    unavailable = {
        "missing": ("owner/missing", REFUSALS["missing"][2]),
        "gated": ("owner/gated", REFUSALS["gated"][2]),
        "empty": (
            str(folder),
            f"{folder} does not hold a pipeline .*correct the outpainter's model",
        ),
    }
    with serve_hub(tmp_path / "cache", monkeypatch):
        the_rest_is_done(done, instance, unavailable)


@pytest.mark.slow
def test_no_network(done, instance, tmp_path, monkeypatch):
    point_at("http://127.0.0.1:9", tmp_path, monkeypatch)
    expected = REFUSALS["broken"][2].replace("broken", "model")
    the_rest_is_done(done, instance, {"diffusion": ("owner/model", expected)})


def the_rest_is_done(project, instance, unavailable):
    """Paint with unavailable models, which have names and reasons, and beside them with Telea's."""
    for name, (model, _) in unavailable.items():
        project.content["outpainters"][name] = {"kind": "stable_diffusion", "model": model}
    (project.root / "records" / "telea_outpaintings" / "p1.json").unlink()
    failed = restore(project, instance, *unavailable, "telea")
    assert set(failed) == {f"{name}_outpaintings" for name in unavailable}
    for name, (_, expected) in unavailable.items():
        assert re.search(expected, failed[f"{name}_outpaintings"])
    assert set(records(project, "telea_outpaintings")) == KEYS
