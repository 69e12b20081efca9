"""Diffusion models through the graph: tiny real pipelines paint around the subjects."""

import dagster as dg
import numpy as np
import pytest

from deepart_assets.imaging import decode_rgb, decode_rgba
from deepart_assets.outpainting import subject_difference
from deepart_assets_tests.outpainting.tiny_families import save_z_image
from deepart_assets_tests.outpainting.tiny_pipelines import CLOSE, difference, save_tiny_pipeline

pytestmark = pytest.mark.slow

STAGES = [
    "predicted_masks",
    "subject_masks",
    "unfinished_paintings",
    "stable_diffusion_outpaintings",
]
KEYS = [f"p{number}" for number in range(5)]


@pytest.fixture
def diffused(project, instance, tmp_path):
    """The project with Stable Diffusion for an outpainter, and its catalogue."""
    folder = save_tiny_pipeline(tmp_path / "pipeline")
    project.content["outpainters"] = {
        "stable_diffusion": {"kind": "stable_diffusion", "model": str(folder), "steps": 2}
    }
    with project.run("catalogue", instance) as result:
        assert result.success
    return project


def restore(project, instance, keys=KEYS):
    selection = [dg.AssetKey(stage) for stage in STAGES]
    with project.run("restore", instance, keys, asset_selection=selection) as result:
        return result.success


def records(project):
    return {key: project.store.get("stable_diffusion_outpaintings", key) for key in KEYS}


def painted(project, key):
    return decode_rgb(project.lake.read(f"stable_diffusion_outpaintings/{key}.png"), key)


def test_every_painting_has_its_own_picture_whatever_it_is_painted_with(diffused, instance):
    assert restore(diffused, instance)
    together = {key: painted(diffused, key) for key in KEYS}
    for key, record in records(diffused).items():
        unfinished = decode_rgba(diffused.lake.read(f"unfinished_paintings/{key}.png"), key)
        assert subject_difference(unfinished, together[key]) == 0
        assert record.figures["subject_difference"] == 0
        assert record.figures["prompt"].startswith("a painting")
        assert together[key][unfinished[..., 3] == 0].std() > 0
    assert len({record.figures["seed"] for record in records(diffused).values()}) == len(KEYS)

    # Nothing is painted twice, and what has to be painted again comes alone to the same picture.
    made = {key: record.made_at for key, record in records(diffused).items()}
    assert restore(diffused, instance)
    assert {key: record.made_at for key, record in records(diffused).items()} == made
    (diffused.root / "records" / STAGES[-1] / "p3.json").unlink()
    assert restore(diffused, instance, ["p3"])
    assert difference(painted(diffused, "p3"), together["p3"]) <= CLOSE


def test_another_preset_or_schedule_paints_again(diffused, instance, tmp_path):
    assert restore(diffused, instance, ["p0"])
    first = painted(diffused, "p0")
    diffused.content["outpainters"]["stable_diffusion"]["preset"] = "fast"
    assert restore(diffused, instance, ["p0"])
    fast = painted(diffused, "p0")
    file = tmp_path / "pipeline" / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text().replace('"beta_end": 0.012', '"beta_end": 0.02'))
    assert restore(diffused, instance, ["p0"])
    pictures = [first, fast, painted(diffused, "p0")]
    assert not any(np.array_equal(pictures[n], pictures[n - 1]) for n in range(3))


def test_a_damaged_model_stops_the_step_before_any_painting(diffused, instance, tmp_path):
    for file in (tmp_path / "pipeline" / "unet").glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-100])
    selection = [dg.AssetKey(stage) for stage in STAGES]
    with diffused.run("restore", instance, KEYS, asset_selection=selection) as result:
        assert not result.success
        [failed] = [event for event in result.all_events if event.is_step_failure]
    said = str(failed.step_failure_data)
    assert "does not hold a whole pipeline in safetensors" in said
    assert "is cut short or damaged" in said
    assert set(records(diffused).values()) == {None}


def test_a_prompt_of_a_paintings_own_from_its_csv(diffused, instance):
    """Another prompt makes that painting's outpainting again, and nothing else."""

    def restored(prompt):
        (diffused.pictures / "paintings.csv").write_text(f"file;prompt\np0.png;{prompt}\n")
        with diffused.run("catalogue", instance) as result:
            assert result.success
        assert restore(diffused, instance, ["p0", "p1"])
        before = {stage: diffused.store.get(stage, "p0") for stage in STAGES[:-1]}
        return before | {key: diffused.store.get(STAGES[-1], key) for key in ("p0", "p1")}

    diffused.content["wikiart"]["sources"]["pictures"]["csv"] = "paintings.csv"
    first = restored("a stormy sea")
    assert first["p0"].figures["prompt"] == "a stormy sea"
    assert first["p1"].figures["prompt"].startswith("a painting")
    second = restored("a quiet harbour")
    assert second["p0"].figures["prompt"] == "a quiet harbour"
    assert second["p0"].made_at != first["p0"].made_at
    unchanged = [*STAGES[:-1], "p1"]
    assert all(second[each].made_at == first[each].made_at for each in unchanged)


def test_another_family_through_the_graph(diffused, instance, tmp_path):
    settings = {
        "kind": "diffusers",
        "model": str(save_z_image(tmp_path / "Z-Image-Turbo")),
        "resolution": "working",
        "fill": "telea",
    }
    diffused.content["outpainters"]["stable_diffusion"] = settings
    assert restore(diffused, instance, ["p0", "p1"])
    first = {key: records(diffused)[key] for key in ("p0", "p1")}
    for key, record in first.items():
        unfinished = decode_rgba(diffused.lake.read(f"unfinished_paintings/{key}.png"), key)
        assert record.figures["subject_difference"] == 0
        assert painted(diffused, key)[unfinished[..., 3] == 0].std() > 0
    assert restore(diffused, instance, ["p0"])
    assert records(diffused)["p0"].made_at == first["p0"].made_at
    settings["seam_pass"] = {"width": 8, "strength": 0.5}
    assert restore(diffused, instance, ["p0"])
    assert records(diffused)["p0"].made_at != first["p0"].made_at
    assert records(diffused)["p1"].made_at == first["p1"].made_at
