"""Paintings that leave the list: their partitions go, also at the ends of runs to come."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import dagster as dg

from deepart_assets.orchestration.events import RANGE_END_TAG, RANGE_START_TAG
from deepart_assets.orchestration.partitions import PAINTINGS, painting_keys
from deepart_assets.orchestration.tags import range_tags

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
"""The statuses of a run that waits for its turn or is in progress."""

RETRIED_FOR = timedelta(days=1)
"""How long after it began a run that failed may be replaced by another one with its tags."""


def remove_partitions(instance: dg.DagsterInstance, gone: Collection[str]) -> None:
    """Remove the partitions of paintings that left the list.

    Dagster refuses a range of partitions of which an end does not exist. So the ranges of runs that
    wait, and of those that failed and may be tried again, are made to end with paintings that are
    still there; a run that waits for none but these is canceled.
    """
    if not gone:
        return
    order = list(painting_keys(instance))
    places = {key: place for place, key in enumerate(order)}
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], created_after=datetime.now(UTC) - RETRIED_FOR
    )
    for run in [*instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)), *instance.get_runs(failed)]:
        ends = [run.tags.get(RANGE_START_TAG, ""), run.tags.get(RANGE_END_TAG, "")]
        if not any(end in gone for end in ends) or any(end not in places for end in ends):
            continue
        first, last = (places[end] for end in ends)
        rest = [key for key in order[first : last + 1] if key not in gone]
        if rest:
            instance.add_run_tags(run.run_id, range_tags(rest))
        elif run.status == dg.DagsterRunStatus.QUEUED:
            instance.report_run_canceled(run, "Its paintings have left the list.")
    for key in gone:
        instance.delete_dynamic_partition(str(PAINTINGS.name), key)
