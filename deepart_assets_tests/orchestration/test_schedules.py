"""Schedules and sensors are as the profile says; a mistake in it is an error that names the key."""

import re

import dagster as dg
import pytest

from deepart_assets.errors import SettingsError


def test_schedules_have_the_profiles_times_zone_and_reason(project):
    project.content["automation"] = {
        "nightly": "30 3 * * *",
        "weekly": "0 4 * * 1",
        "time_zone": "Europe/Berlin",
    }
    repository = project.defs().get_repository_def()
    schedules = {each.name: each for each in repository.schedule_defs}
    assert {name: (each.cron_schedule, each.job_name) for name, each in schedules.items()} == {
        "nightly": ("30 3 * * *", "restore_stale"),
        "weekly": ("0 4 * * 1", "catalogue"),
    }
    for schedule in schedules.values():
        assert schedule.execution_timezone == "Europe/Berlin"
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        [asked] = schedule.evaluate_tick(dg.build_schedule_context()).run_requests
        assert asked.tags["deepart/reason"].startswith("every ")
        assert asked.tags["deepart/automated"] == "true"
        assert asked.tags["dagster/priority"] == "-1"


def test_the_profile_turns_all_of_it_off_and_says_how_often_to_look(project):
    project.content["automation"] = {"running": False, "poll_interval_seconds": 7}
    repository = project.defs().get_repository_def()
    for sensor in repository.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.STOPPED, sensor.name
        assert sensor.minimum_interval_seconds == 7, sensor.name
    for schedule in repository.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED, schedule.name


def test_every_job_says_why_it_runs_and_is_run_again_as_a_whole_when_killed(project):
    repository = project.defs().get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    assert {"restore", "restore_stale", "take_in", "publish"} <= {job.name for job in jobs}
    for job in jobs:
        assert job.run_tags["deepart/reason"] == f"somebody started {job.name}"
        assert job.run_tags["dagster/retry_strategy"] == "ALL_STEPS"


@pytest.mark.parametrize(
    ("key", "value", "reported"),
    [
        ("nightly", "every day", "automation.nightly: 'every day' is not a cron expression"),
        ("weekly", "0 0 30 2 *", "automation.weekly: '0 0 30 2 *' is not a cron expression"),
        ("nightly", "* * * * * *", "automation.nightly: '* * * * * *' is not a cron expression"),
        ("time_zone", "Middle/Earth", "automation.time_zone: Value error, unknown time zone"),
        ("time_zone", "../etc", "automation.time_zone: Value error, unknown time zone"),
        ("time_zone", "", "automation.time_zone: Value error, unknown time zone"),
        ("notify", "mail", "automation.notify: "),
        (
            "notify",
            "nowhere_at_all:tell",
            "nowhere_at_all:tell cannot be imported",
        ),
        ("notify", "logging:no_such", "logging:no_such cannot be imported"),
        ("notify", "logging:INFO", "automation.notify: logging:INFO is not a function"),
        ("poll_interval_seconds", 0, "automation.poll_interval_seconds: "),
    ],
)
def test_what_is_wrong_is_reported_with_the_key(project, key, value, reported):
    project.content["automation"] = {key: value}
    with pytest.raises(SettingsError, match=re.escape(reported)) as caught:
        project.defs()
    assert len(str(caught.value).splitlines()) == 1
