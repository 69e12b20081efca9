"""Events that the project's own event log stores are those that Dagster's would have stored."""

import multiprocessing
import signal
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest

from deepart_assets.dagster_internals import data_versions
from deepart_assets.dagster_internals.event_log_storage import (
    MAX_OPEN_DATABASES,
    PooledSqliteEventLogStorage,
)
from deepart_assets.errors import SettingsError
from deepart_assets.orchestration import events
from deepart_assets.settings.places import PROJECT

PARTITIONS = dg.StaticPartitionsDefinition([f"p{number}" for number in range(8)])


@dg.asset(
    partitions_def=PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    dagster_type=dg.Nothing,
    check_specs=[dg.AssetCheckSpec("fine", asset="pictures")],
)
def pictures(context):
    for key in context.partition_keys:
        context.log.info(f"made {key}")
        context.log_event(dg.AssetMaterialization("pictures", partition=key))
    tags = {data_versions.DATA_VERSION_TAG: "v1"}
    seen = [dg.AssetObservation("pictures", partition=key, tags=tags) for key in ("p0", "p7")]
    data_versions.log_event_batch(context, seen)
    yield dg.AssetCheckResult(passed=True)
    yield dg.Output(None)


def make_all(instance):
    tags = {"dagster/asset_partition_range_start": "p0", "dagster/asset_partition_range_end": "p7"}
    result = dg.materialize([pictures], instance=instance, tags=tags)
    assert result.success
    return result.run_id


def instance_in(folder, ours):
    overrides = {"telemetry": {"enabled": False}}
    if ours:
        overrides["event_log_storage"] = {
            "module": PooledSqliteEventLogStorage.__module__,
            "class": PooledSqliteEventLogStorage.__name__,
            "config": {"base_dir": str(folder / "history" / "runs")},
        }
    return dg.DagsterInstance.local_temp(str(folder), overrides=overrides)


@pytest.fixture
def ours(tmp_path):
    with instance_in(tmp_path, ours=True) as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage) or isinstance(
            instance.event_log_storage._storage.event_log_storage, PooledSqliteEventLogStorage
        )
        yield instance


def test_without_a_place_nothing_is_written_anywhere(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(SettingsError, match="set DAGSTER_HOME"):
        PooledSqliteEventLogStorage.from_config_value(None, {})


def observed(instance):
    found = events.latest_versions(instance, "pictures", ["p0", "p1", "p7"], observed=True)
    return {key: version.data_version for key, version in found.items()}


def reported(instance, run_id):
    """What an instance says of a run: events by type, and what is known of the asset."""
    kinds = [entry.dagster_event_type for entry in instance.all_logs(run_id)]
    key = dg.AssetKey("pictures")
    record = instance.get_asset_records([key])[0].asset_entry
    return (
        sorted(str(kind) for kind in kinds),
        instance.get_materialized_partitions(key),
        record.last_run_id == run_id,
        record.last_materialization.asset_materialization.partition,
        instance.fetch_materializations(key, limit=99).records[0].run_id == run_id,
        observed(instance),
        instance.get_status_by_partition(key, list(PARTITIONS.get_partition_keys()), PARTITIONS),
    )


def test_both_logs_report_the_same(tmp_path):
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    with (
        instance_in(tmp_path / "ours", ours=True) as ours,
        instance_in(tmp_path / "theirs", ours=False) as theirs,
    ):
        mine = reported(ours, make_all(ours))
        assert mine == reported(theirs, make_all(theirs))
        for kind, count in (("MATERIALIZATION_PLANNED", 8), ("OBSERVATION", 2)):
            assert mine[0].count(f"DagsterEventType.ASSET_{kind}") == count


def test_each_reads_what_the_other_wrote(tmp_path):
    with instance_in(tmp_path, ours=True) as instance:
        first = make_all(instance)
        mine = reported(instance, first)
    with instance_in(tmp_path, ours=False) as instance:
        assert reported(instance, first) == mine
        second = make_all(instance)
        theirs = reported(instance, second)
    with instance_in(tmp_path, ours=True) as instance:
        assert reported(instance, second) == theirs


def test_few_databases_stay_open(ours):
    runs = [make_all(ours) for _ in range(MAX_OPEN_DATABASES + 2)]
    folder = Path(ours.root_directory).resolve() / "history" / "runs"
    opened = {each.resolve() for each in Path("/proc/self/fd").iterdir()}
    databases = [file for file in opened if file.parent == folder and file.suffix == ".db"]
    assert 0 < len(databases) <= MAX_OPEN_DATABASES
    assert all(len(ours.all_logs(run)) > 8 for run in runs)


KILLED = """
import os, signal, sys
from pathlib import Path
import dagster as dg
from deepart_assets_tests.orchestration.test_event_log_storage import instance_in
with instance_in(Path(sys.argv[1]), ours=True) as instance:
    for number in range(50):
        event = dg.AssetMaterialization("pictures", partition=f"p{number}")
        instance.report_runless_asset_event(event)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=PROJECT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    for ours in (False, True):
        with instance_in(tmp_path, ours=ours) as instance:
            assert len(instance.get_materialized_partitions(dg.AssetKey("pictures"))) == 50


def test_a_forked_process_has_connections_of_its_own(ours):
    def report(number):
        event = dg.AssetMaterialization("pictures", partition=f"p{number}")
        ours.report_runless_asset_event(event)

    report(0)
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=report, args=(number,)) for number in (1, 2, 3)]
    for child in children:
        child.start()
        report(3 + len(children))
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    found = ours.get_materialized_partitions(dg.AssetKey("pictures"))
    assert found == {"p0", "p1", "p2", "p3", "p6"}


def test_who_watches_a_run_is_reported_its_events(ours):
    run = make_all(ours)
    seen, all_seen = [], threading.Event()

    def see(entry, cursor):
        seen.append(entry)
        if len(seen) == len(ours.all_logs(run)):
            all_seen.set()

    ours.watch_event_logs(run, None, see)
    assert all_seen.wait(30)
    ours.end_watch_event_logs(run, see)


def test_versions_of_more_partitions_than_a_question_may_name(ours, monkeypatch):
    make_all(ours)
    keys = ["p1", "p6", "none"]
    few = events.latest_versions(ours, "pictures", keys)
    assert set(few) == {"p1", "p6"}
    monkeypatch.setattr(events, "MAX_NAMED_PARTITIONS", 2)
    assert events.latest_versions(ours, "pictures", keys) == few
