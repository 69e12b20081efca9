"""A run that is killed in a GPU step does not keep the next one waiting for its slot."""

import os
import shutil
import signal
import subprocess
import sys
import time

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG, PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import should_retry

from deepart_assets.dagster_internals.orphaned_runs import (
    PROCESS_GONE,
    LocalRunLauncher,
    end_orphaned_runs,
)
from deepart_assets.settings.places import PROJECT
from deepart_assets_tests.orchestration.engines import KEYS, catalogue_three, run_on

RUN = """
import sys
import dagster as dg
from deepart_assets.runs import run_job
home, profile, root = sys.argv[1:]
with dg.DagsterInstance.from_config(home) as instance:
    run_job(instance, "restore", keys=["p0", "p1", "p2"], profile=profile, root=root,
            asset_selection=[dg.AssetKey("predicted_masks")])
"""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """With the pools of the project's own dagster.yaml."""
    home = tmp_path / "dagster"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    shutil.copy(PROJECT / ".dagster_home" / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@dg.job
def nothing():
    pass


def claims(instance) -> list[str]:
    storage = instance.event_log_storage
    infos = [storage.get_concurrency_info(key) for key in storage.get_concurrency_keys()]
    return [claim.run_id for info in infos for claim in info.claimed_slots]


def health(instance, run_id: str) -> WorkerStatus:
    """What Dagster's run monitoring sees."""
    launcher = instance.run_launcher
    assert launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(instance.get_run_by_id(run_id)).status


def test_the_checkouts_instance_finds_killed_runs_and_starts_them_again(instance):
    assert isinstance(instance.run_launcher, LocalRunLauncher)
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds == 30
    assert instance.run_retries_enabled and instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    queue = instance.get_concurrency_config().run_queue_config
    assert queue.max_concurrent_runs == 2
    assert [limit["value"] for limit in queue.tag_concurrency_limits] == ["restore_what_is_stale"]


def test_a_killed_run_is_started_again_though_the_daemon_looks_while_it_is_being_ended(instance):
    gone = subprocess.Popen(["true"])
    gone.wait()
    killed = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("begun", killed, EngineEventData.in_process(gone.pid))
    instance.add_run_tags(killed.run_id, {GRPC_INFO_TAG: "{}"})
    assert health(instance, killed.run_id) == WorkerStatus.FAILED
    # The failure is in the log, and not yet in the run's row.
    seen = instance.get_run_by_id(killed.run_id)
    assert seen.status == dg.DagsterRunStatus.STARTED
    assert should_retry(seen, instance)

    last = killed
    for _ in range(2):
        last = instance.create_run_for_job(
            nothing,
            status=dg.DagsterRunStatus.STARTED,
            parent_run_id=last.run_id,
            root_run_id=killed.run_id,
            tags={ROOT_RUN_ID_TAG: killed.run_id, PARENT_RUN_ID_TAG: last.run_id},
        )
    instance.report_engine_event("begun", last, EngineEventData.in_process(gone.pid))
    instance.add_run_tags(last.run_id, {GRPC_INFO_TAG: "{}"})
    assert health(instance, last.run_id) == WorkerStatus.FAILED
    assert not should_retry(instance.get_run_by_id(last.run_id), instance), "twice is enough"


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({GRPC_INFO_TAG: "{}"}, WorkerStatus.FAILED),
        ({}, WorkerStatus.RUNNING),  # of a command line, on whatever machine
    ],
)
def test_of_a_shared_history_only_what_the_daemon_launched_is_judged(tags, status):
    gone = subprocess.Popen(["true"])
    gone.wait()
    with dg.DagsterInstance.ephemeral() as shared:
        run = shared.create_run_for_job(nothing, tags=tags)
        shared.report_engine_event("begun", run, EngineEventData.in_process(gone.pid))
        launcher = LocalRunLauncher()
        launcher.register_instance(shared)
        assert launcher.check_run_worker_health(run).status == status


@pytest.mark.slow
def test_a_killed_run_is_ended_and_a_living_one_is_not(project, instance, tmp_path):
    catalogue_three(project, instance)
    home, profile = str(tmp_path / "dagster"), str(project.write_profile())
    victim = subprocess.Popen([sys.executable, "-c", RUN, home, profile, str(project.root)])
    deadline = time.monotonic() + 180
    while not claims(instance):
        assert victim.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGSTOP)
    [run_id] = claims(instance)

    # It does nothing any more, but its process is there.
    assert end_orphaned_runs(instance) == []
    assert claims(instance) == [run_id]
    assert health(instance, run_id) == WorkerStatus.RUNNING

    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert health(instance, run_id) == WorkerStatus.FAILED
    with run_on(project, instance, {"kind": "local"}, ["predicted_masks"]) as result:
        done = [key for key in KEYS if project.store.done("predicted_masks", key)]
        assert done == ["p0", "p2"]
        assert result.run_id != run_id
    assert not claims(instance)
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
    assert any(
        PROCESS_GONE in (entry.dagster_event.message or "")
        for entry in instance.all_logs(run_id)
        if entry.dagster_event
    )
