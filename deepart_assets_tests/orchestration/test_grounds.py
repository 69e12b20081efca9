"""The library of grounds is frozen: what makes it stale, and what follows from it."""

import io
import json
import logging

import cv2
import dagster as dg
import numpy as np
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from PIL import Image

from deepart_assets import asset_names
from deepart_assets.assets import upscaled
from deepart_assets.assets.scene_completions import ground_at_full_size
from deepart_assets.assets.upscaled import upscaled_from
from deepart_assets.errors import SettingsError
from deepart_assets.imaging import decode_rgb, decode_rgba, resize
from deepart_assets.orchestration.context import StageContext
from deepart_assets.orchestration.planner import runs_planned_in
from deepart_assets.outpainting import subject_difference
from deepart_assets.outpainting.scene_completion import (
    Choice,
    GroundLibrary,
    SceneCompletionOutpainter,
)
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.outpainting.scene_completion.drawn import ground, oval, paint, reduced

NAMES = ["painting_grounds", "ground_library", "completed_outpaintings", "completed_upscaled"]
LENDERS = [f"p{number}" for number in range(9)]
"""A library takes at least eight."""
CHAIN = ["predicted_masks", "subject_masks", "unfinished_paintings", *NAMES]


def with_scene_completion(project, **grounds):
    project.content["outpainters"] = {"completed": {"kind": "scene_completion"}}
    project.content["grounds"] = {"libraries": [], **grounds}


def restore(project, instance, *, success=True, **more):
    selection = [dg.AssetKey(name) for name in [*CHAIN, "restoration_sheets", "gallery"]]
    with project.run("restore", instance, asset_selection=selection, **more) as result:
        assert result.success is success


def stale_in_the_ui(project, instance, keys):
    graph = project.defs().resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    pairs = [(name, key) for name in CHAIN if name != "ground_library" for key in keys]
    return {
        (name, key)
        for name, key in [*pairs, ("ground_library", None)]
        if resolver.get_status(dg.AssetKey(name), key) != StaleStatus.FRESH
    }


def planned(project, instance):
    """What a plan of all finds stale, by asset, beside the sheets."""
    with project.run("restore_stale", instance) as result:
        assert result.success
        event = result.asset_materializations_for_node("restoration_plan")[0]
    text = str(event.metadata["stale"].value)
    header, _, *rows = ([cell.strip() for cell in line.split("|")] for line in text.splitlines())
    found = {(row[header.index("asset")], row[header.index("painting")]) for row in rows}
    return {pair for pair in found if pair[0] != "restoration_sheets"}


def versions(project):
    return {
        (name, key): project.store.get(name, key).made_at + project.store.get(name, key).fingerprint
        for name in NAMES
        for key in project.store.keys(name)
    }


def add_another(project, name, seed, height=200, width=160):
    """Put a painting into the inbox: an oval before a ground that is no other painting's.

    The figures of the other paintings are so alike that they count as copies.
    """
    random = np.random.default_rng(seed)
    picture = random.uniform(20, 90, (5, 4, 3)).astype(np.float32)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += random.normal(0, 4, (height, width, 1))
    centre = tuple(int(each) for each in random.uniform(0.35, 0.65, 2) * (width, height))
    axes = tuple(int(each) for each in random.uniform(0.1, 0.3, 2) * (width, height))
    colour = tuple(float(each) for each in random.uniform(150, 250, 3))
    cv2.ellipse(picture, centre, axes, float(random.uniform(0, 180)), 0, 360, colour, -1)
    levels = np.clip(picture, 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(project.inbox / f"{name}.png")


@pytest.mark.slow
def test_the_first_plan_has_what_follows_from_a_library_that_is_not_made_yet(unrestored, instance):
    with_scene_completion(unrestored)
    with unrestored.run("catalogue", instance) as result:
        assert result.success
    found = planned(unrestored, instance)
    for name in CHAIN:
        if name != "ground_library":
            assert {(name, "p0"), (name, "p1")} <= found, name
    selection = [dg.AssetKey(name) for name in CHAIN[:3]]
    with unrestored.run("restore", instance, asset_selection=selection) as result:
        assert result.success
    assert {("completed_outpaintings", "p0"), ("completed_upscaled", "p0")} <= planned(
        unrestored, instance
    )


@pytest.fixture
def lending(unrestored, instance):
    """A project with nine paintings that lend each other their grounds, restored."""
    project = unrestored
    with_scene_completion(project)
    # Those of the inbox change no training, whose new weights would make all results stale.
    project.inbox.mkdir(exist_ok=True)
    for number in range(5, 9):
        add_another(project, f"p{number}", seed=number)
    with project.run("catalogue", instance) as result:
        assert result.success
    restore(project, instance)
    return project


def lenders(project):
    """The id of the painting that lends each painting its ground."""
    return {
        key: project.store.get("completed_outpaintings", key).figures["lender"]["id"]
        for key in LENDERS
    }


@pytest.mark.slow
def test_a_new_painting_is_restored_from_the_frozen_library_and_makes_nothing_else_stale(
    lending, instance
):
    assert stale_in_the_ui(lending, instance, LENDERS) == set()
    assert lending.store.get("ground_library").figures["from_paintings"] == 9
    assert all(lender != key for key, lender in lenders(lending).items())
    for key, lender in lenders(lending).items():
        unfinished = decode_rgba(lending.lake.read(f"unfinished_paintings/{key}.png"), key)
        data = lending.lake.read(f"completed_outpaintings/{key}.png")
        assert subject_difference(unfinished, decode_rgb(data, key)) == 0
        assert lender in Image.open(io.BytesIO(data)).text["Description"]
    pages = [lending.lake.read(path).decode() for path in lending.lake.list("gallery/paintings")]
    assert sum("<dt>ground of completed</dt>" in page for page in pages) == 9

    add_another(lending, "p9", seed=9)
    with lending.run("catalogue", instance) as result:
        assert result.success
    assert {key for _, key in planned(lending, instance)} == {"p9"}
    before = versions(lending)
    restore(lending, instance)
    after = versions(lending)
    assert {pair for pair in after if after[pair] != before.get(pair)} == {
        (name, "p9") for name in NAMES if name != "ground_library"
    }
    assert stale_in_the_ui(lending, instance, [*LENDERS, "p9"]) == set()

    # Renewed on purpose, it takes the new one in: what is made from it is stale, and no more.
    with lending.run("renew_ground_library", instance) as result:
        assert result.success
        asked, afterwards = runs_planned_in(instance, result.run_id, {})
        assert asked.keys == [*LENDERS, "p9"] and afterwards.job == "evaluate"
    assert lending.store.get("ground_library").figures["from_paintings"] == 10
    keys = [*LENDERS, "p9"]
    outpaintings = {("completed_outpaintings", key) for key in keys}
    assert planned(lending, instance) == outpaintings | {("completed_upscaled", k) for k in keys}
    assert stale_in_the_ui(lending, instance, keys) == outpaintings

    # What it lends as before is not enlarged again.
    before = {pair: lending.store.get(*pair) for pair in versions(lending)}
    restore(lending, instance)
    made = {pair for pair in before if lending.store.get(*pair).made_at != before[pair].made_at}
    assert outpaintings <= made
    changed = {key for name, key in outpaintings if before[name, key].data_version
               != lending.store.get(name, key).data_version}  # fmt: skip
    assert len(changed) < len(keys)
    assert {key for name, key in made if name == "completed_upscaled"} == changed


@pytest.mark.slow
def test_a_lender_that_the_profile_withdraws_is_in_no_result(lending, instance):
    lent = list(lenders(lending).values())
    withdrawn = max(sorted(lent), key=lent.count)
    lenders_of = {"not_paintings": [withdrawn, "p77"], "not_artists": ["Nobody"]}
    with_scene_completion(lending, lenders=lenders_of)
    lending.content["restoration"]["candidates"] = 2
    assert ("completed_outpaintings", "p0") in planned(lending, instance)
    restore(lending, instance)
    logs = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    said = [entry.user_message for entry in logs]
    assert any("not_paintings: there is no painting 'p77'; did you mean" in each for each in said)
    assert "grounds.lenders.not_artists: no painting is by 'Nobody'" in said
    assert lending.store.get("painting_grounds", withdrawn).status == "skipped"
    places = json.loads(lending.lake.read("ground_library/pictures.json"))
    assert withdrawn not in places and len(places) == 8
    assert withdrawn not in lenders(lending).values()

    # The next best ground is beside the best.
    candidates = lending.store.get("completed_outpaintings", "p1").figures["candidates"]
    assert len({each["id"] for each in candidates}) == 2
    assert candidates[0]["id"] == lenders(lending)["p1"]
    best, next_best = (
        decode_rgb(lending.lake.read(f"completed_outpaintings/p1{suffix}.png"), suffix)
        for suffix in ("", "+1")
    )
    assert (best != next_best).any()

    # An original that is no longer what it was lends no more; the log names it and the remedy.
    lender = lenders(lending)["p1"]
    lending.lake.write(places[lender][0], b"another")
    lending.lake.remove("completed_outpaintings/p1.png")
    restore(lending, instance)
    assert lenders(lending)["p1"] not in (lender, withdrawn)
    said = [
        entry.user_message for run in instance.get_runs() for entry in instance.all_logs(run.run_id)
    ]
    assert any(places[lender][0] in each and "renew_ground_library" in each for each in said)


def test_without_scene_completion_there_is_no_library(project):
    graph = project.defs().resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert not names & {"painting_grounds", "ground_library"}
    project.content["automation"] = {"renew_ground_library": "0 3 1 * *"}
    with pytest.raises(SettingsError, match=r"renew_ground_library.*scene_completion"):
        project.defs()


def test_the_library_can_be_renewed_on_a_schedule(project):
    with_scene_completion(project)
    project.content["automation"] = {"renew_ground_library": "0 3 1 * *"}
    defs = project.defs()
    assert defs.resolve_schedule_def("renew_ground_library").cron_schedule == "0 3 1 * *"
    job = defs.resolve_job_def("renew_ground_library")
    assert job.tags["deepart/renew"] == "true"


def test_a_missing_library_is_named_with_the_remedy(done, instance):
    with_scene_completion(done, libraries=[{"kind": "bundled", "name": "none"}], catalogue=False)
    selection = [dg.AssetKey("ground_library")]
    with done.run("restore", instance, asset_selection=selection) as result:
        assert not result.success
        [event] = result.filter_events(lambda event: event.is_step_failure)
    text = event.step_failure_data.error.to_string()
    assert str(PROJECT / "data" / "grounds" / "none") in text and "grounds.libraries" in text


@pytest.mark.parametrize("full_size", [True, False])
def test_a_run_may_do_with_or_without_the_lenders_originals(project, monkeypatch, full_size):
    """Whatever the profile says: the library is not upstream, so that a new one that lends the
    same makes nothing stale."""
    with_scene_completion(project)
    made = upscaled_from("completed")
    assert asset_names.GROUND_LIBRARY not in made.deps
    project.content["outpainters"]["completed"]["full_size"] = full_size
    settings = load_settings(str(project.write_profile()))
    assert ("maximal_enlargement" in made.settings(settings)) == full_size
    asked = []
    monkeypatch.setattr(upscaled, "scene_completion_outpainter", asked.append)
    made.stage(StageContext(settings, project.store, logging.getLogger()))
    assert bool(asked) == full_size


def test_at_full_size_the_ground_is_the_lenders_own_paint_if_its_original_is_large_enough():
    pictures = {f"g{seed}": paint(seed, 768, 600) for seed in range(8)}
    small = {name: resize(picture, 256, 200) for name, picture in pictures.items()}
    grounds = [ground(name, picture=picture) for name, picture in small.items()]
    choice = Choice(
        ground="g3",
        flip=False,
        scale=512 / 200,
        offset=(0.0, 0.0),
        gain=(1.0, 1.0, 1.0),
        shift=(0.0, 0.0, 0.0),
        cost=0.0,
        fits=True,
        terms={},
    )
    known = oval(512, 400)
    subject = np.full((512, 400, 3), 90, np.uint8)

    def laid(originals):
        outpainter = SceneCompletionOutpainter(lambda: GroundLibrary.of(grounds, originals))
        return ground_at_full_size(outpainter, choice.to_dict(), lambda: subject, known, 1.5)

    found = laid(reduced(pictures))
    np.testing.assert_array_equal(found[known], subject[known])
    own = resize(pictures["g3"], 512, 400)
    away = ~oval(512, 400, radii=(0.45, 0.45))
    assert np.abs(found[away].astype(int) - own[away]).mean() < 8
    assert laid(reduced(small)) is None, "the original would be enlarged twice"
