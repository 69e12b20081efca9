"""Evaluations come after the gallery: no run that restores paintings waits for them."""

import time

import dagster as dg
import pytest

from deepart_assets.errors import SettingsError
from deepart_assets_tests.orchestration.sensor_harness import SensorHarness
from deepart_assets_tests.orchestration.test_restore_sensors import BY_DAEMON

SENSOR = "evaluate_when_idle"
EVALUATIONS = {"art_esrgan_evaluation", "subject_masks_evaluation", "outpainting_evaluation"}


def steps(defs, job):
    return {node.name for node in defs.resolve_job_def(job).graph.nodes}


def test_only_the_job_evaluate_has_evaluations(project):
    defs = project.defs()
    assert steps(defs, "evaluate") == EVALUATIONS
    for job in ("restore", "restore_part", "publish", "restore_stale", "restore_again"):
        assert not steps(defs, job) & EVALUATIONS, job
    assert "gallery" in steps(defs, "restore")


def publish(project, instance, tags):
    project.lake.remove("gallery/index.html")
    with project.run("publish", instance, tags=tags) as result:
        assert result.success


def test_they_are_made_once_after_a_while_without_restorations(done, instance, monkeypatch):
    sensors = SensorHarness(done, instance, monkeypatch)
    sensors.clock = time.time()
    assert "from now on" in sensors(SENSOR).skip_message
    for _ in range(2):
        publish(done, instance, BY_DAEMON)
    assert "in which nothing is restored" in sensors(SENSOR).skip_message
    begun = instance.create_run_for_job(
        done.defs().resolve_job_def("restore"), status=dg.DagsterRunStatus.STARTED
    )
    assert sensors(SENSOR, 660).skip_message.startswith("a restoration is in progress: ")
    instance.report_run_canceled(begun)
    [asked] = sensors(SENSOR, 660).run_requests
    assert asked.job_name == "evaluate"
    assert asked.tags["deepart/reason"] == "nothing was restored for 10 minutes"
    assert asked.tags["dagster/priority"] == "-1"
    assert "no restoration since" in sensors(SENSOR).skip_message

    publish(done, instance, {})
    assert "the command line" in sensors(SENSOR, 660).skip_message


def test_they_wait_for_a_run_that_is_not_the_latest_of_its_job(done, instance, monkeypatch):
    sensors = SensorHarness(done, instance, monkeypatch)
    sensors.clock = time.time()
    sensors(SENSOR)
    job = done.defs().resolve_job_def("restore")
    plans, masks = (
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED) for _ in range(2)
    )
    publish(done, instance, BY_DAEMON)
    instance.report_run_canceled(masks)
    assert sensors(SENSOR, 660).skip_message.startswith("a restoration is in progress: ")
    with monkeypatch.context() as patched:
        patched.setattr("time.time", lambda: sensors.clock)
        instance.report_run_canceled(plans)
    assert "in which nothing is restored" in sensors(SENSOR, 60).skip_message
    assert sensors(SENSOR, 600).run_requests


def test_the_profile_may_give_them_a_time(project):
    project.content["automation"] = {"evaluate": "0 4 * * *"}
    repository = project.defs().get_repository_def()
    [schedule] = [each for each in repository.schedule_defs if each.name == "evaluate"]
    assert (schedule.cron_schedule, schedule.job_name) == ("0 4 * * *", "evaluate")
    assert SENSOR not in {each.name for each in repository.sensor_defs}
    project.content["automation"] = {"evaluate": "at night"}
    with pytest.raises(SettingsError, match=r"automation\.evaluate: 'at night' is not a cron"):
        project.defs()
