"""Dagster's history in a real PostgreSQL of this machine, which restarts meanwhile."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from deepart_assets.dagster_internals.event_log_edits import (
    forget_materializations,
    unfulfilled_plans,
    withdraw_plans,
)
from deepart_assets.dagster_internals.event_log_storage import keep_connections
from deepart_assets.orchestration.planner import restore_runs
from deepart_assets.orchestration.tags import wanted_keys
from deepart_assets_tests.conftest import QUIET

pytest.importorskip("dagster_postgres", reason="it is not installed: pip install -e '.[postgres]'")
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAMS, reason="apt-get install postgresql"),
]

ASSET = "pictures"
KEYS = [f"p{number}" for number in range(8)]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a server, and what restarts it."""
    # It refuses to run as root; the path of its socket must be short.
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    name = user.get("user") or pwd.getpwuid(os.getuid()).pw_name
    folder = tempfile.mkdtemp(prefix="pg", dir="/tmp")
    if user:
        shutil.chown(folder, **user)

    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [PROGRAMS[-1] / program, f"--pgdata={folder}/data", *arguments],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **user,
        )

    options = f"-c listen_addresses= -c unix_socket_directories={folder}"
    started = ("--wait", "--options", options, "--log", f"{folder}/log")
    call("initdb", "--auth=trust", "--encoding=UTF8", "--no-sync")
    call("pg_ctl", "start", *started)
    try:
        url = f"postgresql+psycopg2://{name}@/postgres?host={folder}"
        yield url, lambda: call("pg_ctl", "restart", "--mode=fast", *started)
    finally:
        call("pg_ctl", "stop", "--wait", "--mode=immediate")
        shutil.rmtree(folder)


@pytest.fixture
def instance(server, tmp_path) -> Iterator[dg.DagsterInstance]:
    overrides = {**QUIET, "storage": {"postgres": {"postgres_url": server[0]}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=overrides) as made:
        keep_connections(made)
        yield made
        made.wipe()


def run_that_makes(instance: dg.DagsterInstance, some: list[str]) -> str:
    """Run a job for all partitions that materializes some of them; return its id."""

    @dg.asset(
        name=ASSET,
        partitions_def=dg.StaticPartitionsDefinition(KEYS),
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
    )
    def pictures():
        for key in some:
            yield dg.AssetMaterialization(ASSET, partition=key, tags={"dagster/data_version": "1"})

    result = dg.materialize(
        [pictures],
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": KEYS[0],
            "dagster/asset_partition_range_end": KEYS[-1],
        },
        raise_on_error=False,
    )
    return result.run_id


def test_plans_are_withdrawn_and_materializations_forgotten(instance):
    run = run_that_makes(instance, KEYS[:3])
    assert unfulfilled_plans(instance, ASSET) == set(KEYS[3:])
    withdraw_plans(instance, run, ASSET, KEYS[3:6])
    assert unfulfilled_plans(instance, ASSET) == set(KEYS[6:])

    asset = dg.AssetKey(ASSET)
    assert instance.get_materialized_partitions(asset) == set(KEYS[:3])
    forget_materializations(instance, ASSET, KEYS[1:2])
    assert instance.get_materialized_partitions(asset) == {"p0", "p2"}
    tagged = instance.event_log_storage.get_event_tags_for_asset(asset)
    assert [tags["dagster/data_version"] for tags in tagged] == ["1", "1"]


def test_a_server_that_restarts_loses_no_event_and_fails_no_run(instance, server):
    _, restart = server

    def report(key: str) -> None:
        instance.report_runless_asset_event(dg.AssetMaterialization(ASSET, partition=key))

    report("p0")
    restart()
    # Each storage has kept a connection that the server has closed.
    report("p1")
    assert instance.get_runs() == []
    assert instance.get_materialized_partitions(dg.AssetKey(ASSET)) == {"p0", "p1"}


def test_a_run_about_many_paintings_of_a_range_is_created(instance):
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(500)]
    [run] = restore_runs([ids], {}, only=ids[::2])
    made = instance.create_run_for_job(pictures_job, tags=run.request("key").tags)
    assert wanted_keys(instance.get_run_by_id(made.run_id).tags, ids) == ids[::2]


@dg.job
def pictures_job():
    pass
