"""A real daemon: what is dropped in the inbox is restored automatically, once, killed or not."""

import os
import signal
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from deepart_assets.orchestration.tags import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.orchestration.daemon import QUICK, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
RESTORED = "restoration_sheets"
STARTED = dg.DagsterRunStatus.STARTED


def drop(project, **seeds):
    for name, seed in seeds.items():
        # As a careful program copies: under another name first.
        Image.fromarray(draw_painting(seed)).save(project.inbox / f".{name}.png")
        (project.inbox / f".{name}.png").rename(project.inbox / f"{name}.png")


def runs(instance, job, *statuses, but=None):
    found = instance.get_runs(dg.RunsFilter(job_name=job, statuses=statuses or None))
    return [run for run in found if but is None or run.run_id != but.run_id]


def worker_of(instance, run):
    """The process of a run."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    metadata = [entry.dagster_event.engine_event_data.metadata for entry in events]
    return next(int(each["pid"].value) for each in metadata if "pid" in each)


def ended(instance):
    """Whether no run is under way."""
    return all(run.is_finished for run in instance.get_runs())


def asked_for(instance, job):
    """The runs of a job that a sensor asked for: those that replace a killed one left out."""
    return [run for run in runs(instance, job) if run.parent_run_id is None]


def test_pictures_in_the_inbox_are_restored_once_also_when_everything_is_killed(done, tmp_path):
    project = done
    project.content["automation"] = QUICK
    project.inbox.mkdir(exist_ok=True)
    before = {key: project.store.get(RESTORED, key) for key in project.store.keys(RESTORED)}
    with running(project, tmp_path / "dagster") as (daemon, instance):
        old = {run.run_id for run in instance.get_runs()}
        daemon.wait(instance.all_instigator_state)

        drop(project, first=71, second=72)
        daemon.wait(lambda: project.store.done(RESTORED, "second"))
        daemon.wait(lambda: ended(instance))
        [taken_in] = asked_for(instance, "take_in")
        assert taken_in.tags["deepart/reason"] == "the inbox changed: first.png, second.png"
        [restored] = [run for run in asked_for(instance, "restore") if run.run_id not in old]
        assert (restored.tags[RANGE_START_TAG], restored.tags[RANGE_END_TAG]) == ("first", "second")
        assert restored.tags["deepart/reason"] == "new or changed on the list: first, second"
        assert restored.status == dg.DagsterRunStatus.SUCCESS

        # Killed as soon as it is there; while it is taken in; twice while it is restored.
        drop(project, third=73)
        daemon.kill()
        daemon.start()
        daemon.wait(lambda: runs(instance, "take_in", STARTED))
        daemon.kill()
        daemon.start()
        [first] = daemon.wait(lambda: runs(instance, "restore", STARTED))
        os.kill(worker_of(instance, first), signal.SIGKILL)  # of the run alone
        [again] = daemon.wait(lambda: runs(instance, "restore", STARTED, but=first))
        daemon.kill()
        assert not project.store.done(RESTORED, "third")
        daemon.start()
        daemon.wait(lambda: project.store.done(RESTORED, "third"))
        daemon.wait(lambda: ended(instance))

        assert len(asked_for(instance, "take_in")) == 2
        asked = [run for run in asked_for(instance, "restore") if run.run_id not in old]
        assert len(asked) == 2
        keys = Counter(run.tags["dagster/run_key"] for run in asked)
        assert set(keys.values()) == {1}
        assert not asked_for(instance, "publish")
        # What was killed has failed, and what replaces it is the same run in all but its number.
        third = next(run for run in asked if run.tags[RANGE_START_TAG] == "third")
        _, family = instance.get_run_group(third.run_id)
        *killed, last = sorted(family, key=lambda run: int(run.tags.get("dagster/retry_number", 0)))
        assert [run.run_id for run in killed] == [first.run_id, again.run_id]
        assert {run.status for run in killed} == {dg.DagsterRunStatus.FAILURE}
        assert last.status == dg.DagsterRunStatus.SUCCESS
        assert {run.tags["deepart/reason"] for run in family} == {
            "new or changed on the list: third"
        }
        assert last.step_keys_to_execute is None, "all steps"
    after = {key: project.store.get(RESTORED, key) for key in before}
    assert after == before, "nothing else was made again"
