"""A real backfill, as the UI submits it and the daemon carries it out, on the real graph."""

import logging
import time

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context, wait_for_runs_to_finish
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.backfill import execute_backfill_iteration

from deepart_assets_tests.conftest import instance_in
from deepart_assets_tests.orchestration.test_pipeline import made_at
from deepart_assets_tests.orchestration.test_staleness import KEYS, stale

COLUMN = ["telea_outpaintings", "telea_upscaled", "restoration_sheets"]

LOCATION = """
from deepart_assets.build import build_defs
from deepart_assets.settings import load_settings
defs = build_defs(load_settings({profile!r}), {root!r})
"""


@pytest.fixture
def instance(done, tmp_path):
    """Runs start at once: there is no daemon that would take them from a queue."""
    direct = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    with instance_in(tmp_path / "dagster", run_coordinator=direct) as made:
        yield made


@pytest.fixture
def backfill(done, instance, tmp_path):
    """Returns a function that backfills some partitions of `COLUMN` and waits for the end."""

    def submitted(keys):
        file = tmp_path / "location.py"
        file.write_text(LOCATION.format(profile=str(done.write_profile()), root=str(done.root)))
        target = PythonFileTarget(
            python_file=str(file),
            attribute="defs",
            working_directory=str(tmp_path),
            location_name="deepart",
        )
        with create_test_daemon_workspace_context(target, instance) as context:
            asked = PartitionBackfill.from_asset_partitions(
                backfill_id="asked",
                asset_graph=context.create_request_context().asset_graph,
                partition_names=keys,
                asset_selection=[dg.AssetKey(name) for name in COLUMN],
                backfill_timestamp=time.time(),
                tags={},
                dynamic_partitions_store=instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
            instance.add_backfill(asked)
            for _ in range(30):
                list(execute_backfill_iteration(context, logging.getLogger("daemon")))
                wait_for_runs_to_finish(instance, timeout=120)
                if instance.get_backfill("asked").status != BulkActionStatus.REQUESTED:
                    break
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": "asked"}))
        return instance.get_backfill("asked").status, runs

    return submitted


@pytest.mark.slow
def test_a_backfill_of_some_paintings_makes_theirs_fresh_and_no_others(done, instance, backfill):
    """Dagster makes a run of each range of neighbours; the others' outputs stay stale."""
    done.content["outpainters"]["telea"]["radius"] = 9
    before, asked = made_at(done), ["p1", "p2", "p4"]
    status, runs = backfill(asked)
    assert status == BulkActionStatus.COMPLETED_SUCCESS
    assert len(runs) == 2 and all(run.is_success for run in runs)
    after = made_at(done)
    assert {pair for pair in after if after[pair] != before[pair]} == {
        (asset, key) for asset in COLUMN for key in asked
    }
    assert stale(done, instance) == {
        ("telea_outpaintings", key) for key in KEYS if key not in asked
    }


@pytest.mark.slow
def test_a_backfill_in_which_a_painting_fails(done, instance, backfill):
    done.content["outpainters"]["telea"]["radius"] = 9
    # Telea does not look at the original; the sheet does.
    done.lake.write("wikiart_paintings/p2.png", b"no picture any more")
    status, runs = backfill(KEYS[1:4])
    assert status == BulkActionStatus.COMPLETED_FAILED
    assert len(runs) == 1
    assert {key for _, key in stale(done, instance)} == {"p0", "p2", "p4"}
