"""A range whose ends have left the list restores the rest."""

import dagster as dg
import pytest

from deepart_assets.dagster_internals.local_runs import repository_origin
from deepart_assets.orchestration.leaving import remove_partitions
from deepart_assets.orchestration.planner import RUNS, planned_runs
from deepart_assets.orchestration.tags import RANGE_END_TAG, RANGE_START_TAG, range_tags

KEYS = [f"p{number}" for number in range(8)]
Status = dg.DagsterRunStatus


def queued(instance, job, keys, status=Status.QUEUED):
    origin = repository_origin().get_job_origin(job.name)
    return instance.create_run_for_job(
        job, tags=range_tags(keys), status=status, remote_job_origin=origin
    )


@pytest.fixture
def run(project, instance):
    """Create a run over a range of partitions."""
    instance.add_dynamic_partitions("paintings", KEYS)
    job = project.defs().resolve_job_def("restore_part")

    def create(keys, status):
        made = queued(instance, job, keys, status)
        return lambda: instance.get_run_by_id(made.run_id)

    return create


def ends(run):
    return run.tags[RANGE_START_TAG], run.tags[RANGE_END_TAG]


def test_runs_that_wait_or_may_be_tried_again_end_with_what_is_there(run, instance):
    waiting, failed = run(KEYS[:4], Status.QUEUED), run(KEYS[2:6], Status.FAILURE)
    alone, other = run(["p3"], Status.QUEUED), run(["p6", "p7"], Status.QUEUED)
    done = run(KEYS[:4], Status.SUCCESS)
    remove_partitions(instance, {"p0", "p3", "p5"})
    assert ends(waiting()) == ("p1", "p2")
    assert ends(failed()) == ("p2", "p4")
    assert alone().status == Status.CANCELED
    assert ends(other()) == ("p6", "p7") and other().status == Status.QUEUED
    assert ends(done()) == ("p0", "p3")
    assert instance.get_dynamic_partitions("paintings") == ["p1", "p2", "p4", "p6", "p7"]
    remove_partitions(instance, set())


@pytest.mark.slow
def test_what_is_left_of_a_range_is_restored(done, instance):
    job = done.defs().resolve_job_def("restore_part")
    made = queued(instance, job, ["p0", "p1", "p2"])
    done.lake.remove("telea_upscaled/p1.png")
    remove_partitions(instance, {"p0", "p2"})
    tags = instance.get_run_by_id(made.run_id).tags
    assert tags[RANGE_START_TAG] == tags[RANGE_END_TAG] == "p1"
    with done.run("restore_part", instance, [tags[RANGE_START_TAG]]) as result:
        assert result.success
    assert done.lake.exists("telea_upscaled/p1.png")


def test_a_plan_asks_for_what_is_left(instance):
    instance.add_dynamic_partitions("paintings", KEYS)
    plan = {RUNS: dg.MetadataValue.json([KEYS[:4], ["p5"], KEYS[6:]])}
    remove_partitions(instance, {"p0", "p5"})
    instance.delete_dynamic_partition("paintings", "p2")
    instance.add_dynamic_partitions("paintings", ["p2"])  # it has returned, at the end
    asked = [list(each.keys) for each in planned_runs(instance, plan, {})]
    assert asked == [["p1", "p3"], ["p2"], ["p6", "p7"]]
    remove_partitions(instance, set(KEYS))
    assert not [each for each in planned_runs(instance, plan, {}) if each.keys]
