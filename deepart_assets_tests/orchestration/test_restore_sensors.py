"""What follows from a list of paintings that was made again, and from a plan."""

import json

import dagster as dg
import pytest
from PIL import Image

from deepart_assets.asset_names import RESTORATION_PLAN, STYLED_PAINTINGS
from deepart_assets.build import build_defs
from deepart_assets.orchestration.tags import ONLY, RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.settings import load_settings
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.orchestration.sensor_harness import SensorHarness

LISTED = [dg.AssetKey(each) for each in ("inbox_paintings", "styled_paintings")]
NOTHING_NEW = "{} has not been materialized since the last tick"

LIST, PLAN = "restore_new_paintings", "restore_what_is_stale"
BY_DAEMON = {"deepart/interactive": "false"}
"""As if the daemon had started it: on the command line runs are attended."""


@pytest.fixture
def sensors(project, instance, monkeypatch):
    project.content["automation"] = {"max_partitions_per_run": 3, "max_partition_gap": 0}
    project.inbox.mkdir(parents=True)
    made = SensorHarness(project, instance, monkeypatch)
    for name in (LIST, PLAN):
        assert "from now on" in made(name).skip_message
    return made


def run(sensors, job, **more):
    tags = BY_DAEMON | more.pop("tags", {})
    with sensors.project.run(job, sensors.instance, tags=tags, **more) as result:
        assert result.success
        return result.run_id


def ranges(asked):
    # The gallery is made once, by the last.
    assert [each.job_name for each in asked] == ["restore_part"] * (len(asked) - 1) + ["restore"]
    return [(each.tags[RANGE_START_TAG], each.tags[RANGE_END_TAG]) for each in asked]


def test_what_is_new_or_changed_on_the_list_is_restored_once(sensors, instance):
    run(sensors, "catalogue")
    lost = sensors(LIST, stored=False).run_requests
    asked = sensors(LIST).run_requests
    assert ranges(asked) == [("p0", "p2"), ("p3", "p4")]
    assert [each.run_key for each in lost] == [each.run_key for each in asked]
    reason = "new or changed on the list: p0, p1, p2, p3, p4"
    assert {each.tags["deepart/reason"] for each in asked} == {reason}
    assert {each.tags["deepart/automated"] for each in asked} == {"true"}
    assert (
        sensors(LIST).skip_message
        == f"{STYLED_PAINTINGS} has not been materialized since the last tick"
    )

    run(sensors, "take_in")
    assert not sensors(LIST).run_requests, "the list is what it was"


def test_paintings_between_those_that_changed_are_left_alone(sensors):
    run(sensors, "catalogue")
    assert sensors(LIST).run_requests
    sensors.project.content["automation"]["max_partition_gap"] = 1
    for name, seed in (("p0", 8), ("p2", 9)):
        sensors.project.add_painting(name, seed)
    run(sensors, "catalogue")
    [asked] = sensors(LIST).run_requests
    assert ranges([asked]) == [("p0", "p2")]
    assert json.loads(asked.tags[ONLY]) == ["p0", "p2"]


@pytest.mark.slow
def test_two_lists_before_a_tick_and_a_painting_that_comes_back(sensors):
    run(sensors, "catalogue")
    assert ranges(sensors(LIST).run_requests)
    for name, seed in (("new", 8), ("newer", 9)):
        sensors.project.add_painting(name, seed)
        (sensors.project.pictures / f"{name}.png").rename(sensors.project.inbox / f"{name}.png")
        run(sensors, "take_in")
    assert ranges(sensors(LIST).run_requests) == [("new", "newer")]

    # One is withdrawn and comes back as it was: it may never have been restored.
    (sensors.project.inbox / "new.png").rename(sensors.project.folder / "kept.png")
    run(sensors, "take_in")
    [publish] = sensors(LIST).run_requests
    assert publish.job_name == "publish"
    assert publish.tags["deepart/reason"] == "the list of paintings was made again"
    (sensors.project.folder / "kept.png").rename(sensors.project.inbox / "new.png")
    run(sensors, "take_in")
    assert ranges(sensors(LIST).run_requests) == [("new", "new")]


def test_what_a_broken_run_told_of_follows_with_the_next_list(sensors, instance, monkeypatch):
    def broken(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("deepart_assets.assets.styles.set_aside", broken)  # after it has told
        with sensors.project.run("catalogue", instance, tags=BY_DAEMON) as result:
            assert not result.success
    assert (
        sensors(LIST).skip_message
        == f"{STYLED_PAINTINGS} has not been materialized since the last tick"
    )
    run(sensors, "take_in")
    assert ranges(sensors(LIST).run_requests) == [("p0", "p2"), ("p3", "p4")]


def test_a_click_on_materialize_makes_a_list_too(sensors, instance):
    run(sensors, "catalogue")
    assert sensors(LIST).run_requests
    Image.fromarray(draw_painting(9)).save(sensors.project.inbox / "new.png")
    defs = build_defs(
        load_settings(str(sensors.project.write_profile())), str(sensors.project.root)
    )
    clicked = defs.resolve_implicit_global_asset_job_def()
    assert clicked.execute_in_process(instance=instance, asset_selection=LISTED).success
    assert ranges(sensors(LIST).run_requests) == [("new", "new")]


@pytest.mark.slow
@pytest.mark.parametrize("tags", [BY_DAEMON, {}], ids=["in the UI", "on the command line"])
def test_what_is_new_beside_the_paintings_that_were_asked_for(sensors, tags):
    config = {"ops": {"restoration_plan": {"config": {"paintings": ["p1"]}}}}
    with sensors.project.run(
        "restore_stale", sensors.instance, tags=tags, run_config=config
    ) as result:
        assert result.success
    assert ranges(sensors(LIST).run_requests) == [("p0", "p2"), ("p3", "p4")]


def test_what_the_command_line_made_it_follows_up_itself(sensors, instance):
    with sensors.project.run("catalogue", instance) as result:
        assert result.success
    found = sensors(LIST)
    assert not found.run_requests
    assert "no run follows the one" in found.skip_message
    assert (
        sensors(LIST).skip_message
        == f"{STYLED_PAINTINGS} has not been materialized since the last tick"
    )


@pytest.mark.slow
def test_a_plan_without_restorations_leaves_the_gallery_to_one_in_progress(
    done, instance, monkeypatch
):
    sensors = SensorHarness(done, instance, monkeypatch)
    sensors(PLAN)
    done.lake.remove("gallery/index.html")
    job = done.defs().resolve_job_def("restore")
    at_work = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)  # of a corrected mask
    run(sensors, "restore_stale")
    assert not sensors(PLAN).run_requests
    instance.report_run_canceled(at_work)
    run(sensors, "restore_stale")
    [publish] = sensors(PLAN).run_requests
    assert publish.job_name == "publish"


@pytest.mark.slow
def test_a_plan_starts_runs_for_just_what_is_stale(done, instance, monkeypatch):
    done.content["automation"] = {"max_partitions_per_run": 3, "max_partition_gap": 0}
    sensors = SensorHarness(done, instance, monkeypatch)
    sensors(PLAN)
    night = {
        "deepart/reason": "every night: what is stale",
        "deepart/automated": "true",
        "dagster/priority": "-1",
    }
    run(sensors, "restore_stale", tags=night)
    assert not sensors(PLAN).run_requests, "nothing is stale"
    done.lake.remove("gallery/index.html")
    run(sensors, "restore_stale", tags=night)
    [publish] = sensors(PLAN).run_requests
    assert publish.job_name == "publish"
    assert night.items() <= publish.tags.items()

    for key in ("p0", "p3"):
        done.lake.remove(f"subject_masks/{key}.png")
    run(sensors, "restore_stale", tags=night)
    lost = sensors(PLAN, stored=False).run_requests
    asked = sensors(PLAN).run_requests
    assert ranges(asked) == [("p0", "p0"), ("p3", "p3")]
    assert [each.run_key for each in lost] == [each.run_key for each in asked]
    assert all(night.items() <= each.tags.items() for each in asked)
    assert (
        sensors(PLAN).skip_message
        == f"{RESTORATION_PLAN} has not been materialized since the last tick"
    )

    config = {"ops": {"restoration_plan": {"config": {"force": True, "paintings": ["p1", "p2"]}}}}
    somebody = {"deepart/reason": "somebody started restore_again"}
    run_id = run(sensors, "restore_again", run_config=config, tags=somebody)
    run(sensors, "restore_stale", tags=night)
    [asked] = sensors(PLAN).run_requests
    assert ranges([asked]) == [("p1", "p2")]
    assert asked.tags["deepart/force"] == "true"
    assert "deepart/automated" not in asked.tags
    assert asked.tags["deepart/reason"] == (
        f"somebody started restore_again (paintings p1, p2) (run {run_id[:8]})"
    )
    assert ranges(sensors(PLAN).run_requests) == [("p0", "p0"), ("p3", "p3")], "one after the other"
