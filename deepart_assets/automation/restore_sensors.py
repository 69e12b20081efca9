"""Sensors that start restore runs: for what is new on the list, for what a plan found stale; and,
once those have ended, evaluations.

A sensor's cursor is the event it last acted on, stored with the runs it requested: after an error
or a killed daemon it stays where it was, and run keys keep a run from being requested twice.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from deepart_assets.asset_names import GALLERY, PAINTINGS, RESTORATION_PLAN, STYLED_PAINTINGS
from deepart_assets.dagster_internals.data_versions import DATA_VERSION_TAG
from deepart_assets.orchestration.folder_sensors import polling
from deepart_assets.orchestration.leaving import UNFINISHED
from deepart_assets.orchestration.planner import (
    EVALUATE,
    PLANNING_JOBS,
    PUBLISH,
    RESTORE,
    RESTORE_PART,
    PlannedRun,
    planned_runs,
    ranges_of,
    restore_runs,
)
from deepart_assets.orchestration.tags import (
    AFTER_OTHERS,
    AUTOMATED,
    INTERACTIVE,
    PRIORITY,
    REASON,
    policy_tags,
)
from deepart_assets.settings.automation import Automation

Jobs = Mapping[str, Any]
"""The jobs by name, as `dg.define_asset_job` returns them."""

NAMED = 5
"""Paintings or files that a reason names; the rest is counted."""

NAME_LENGTH = 60
"""Most characters of each name."""

PAGE = 100
"""Events that a sensor handles in one tick."""


def restore_new_paintings(settings: Automation, jobs: Jobs) -> dg.SensorDefinition:
    """Return the sensor that acts on the list of paintings.

    It ignores runs after which all that is new gets restored anyway: those that make a plan of all
    paintings, and those of the command line.
    """

    def runs(
        instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord], after: int
    ) -> tuple[list[PlannedRun], str, int]:
        ours = [each for each in made if _leaves_new_paintings(instance, each)]
        if not ours:
            return [], "", made[-1].storage_id
        last = ours[-1].storage_id
        # Also those that a killed run reported: the next list does not report them again.
        events = instance.event_log_storage.get_latest_storage_id_by_partition(
            dg.AssetKey(PAINTINGS), dg.DagsterEventType.ASSET_OBSERVATION
        )
        keys = [key for key, event in events.items() if after < event <= last]
        reason = "the list of paintings was made again"
        if keys:
            reason = f"new or changed on the list: {named(keys)}"
        tags = {REASON: reason, AUTOMATED: "true"}
        ranges = ranges_of(instance, keys, settings)
        publish = _is_another_list(instance, ours, after)
        planned = restore_runs(ranges, tags, only=keys, publish=publish)
        return planned, f"list:{last}", last

    return _materialization_sensor(
        STYLED_PAINTINGS,
        settings,
        jobs,
        runs,
        name="restore_new_paintings",
        description="Whenever the list of paintings is made again: restores those that are new on"
        " it or changed, or publishes the gallery without those that left. Ignores runs that"
        " restore all that is stale.",
    )


def restore_what_is_stale(settings: Automation, jobs: Jobs) -> dg.SensorDefinition:
    """Return the sensor that acts on the plan."""

    def runs(
        instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord], after: int
    ) -> tuple[list[PlannedRun], str, int]:
        event = made[0]
        plan = event.asset_materialization
        run = instance.get_run_by_id(event.run_id)
        if run is None or plan is None or run.job_name not in PLANNING_JOBS or _interactive(run):
            return [], "", event.storage_id
        tags = {name: run.tags[name] for name in (AUTOMATED, PRIORITY) if name in run.tags}
        tags |= policy_tags({name: each.value for name, each in plan.metadata.items()})
        tags[REASON] = f"{run.tags.get(REASON, run.job_name)}{_selection(run)}" + (
            "" if AUTOMATED in tags else f" (run {run.run_id[:8]})"
        )
        planned = planned_runs(instance, plan.metadata, tags)
        is_empty = not any(each.keys for each in planned)
        if is_empty and _unfinished(instance, (RESTORE, RESTORE_PART)):
            return [], "", event.storage_id  # it publishes itself, and nothing may delay it
        return planned, f"plan:{event.storage_id}", event.storage_id

    return _materialization_sensor(
        RESTORATION_PLAN,
        settings,
        jobs,
        runs,
        name="restore_what_is_stale",
        description=f"When one of {', '.join(PLANNING_JOBS)} has made a plan: starts runs for just"
        " the paintings that are stale.",
    )


def evaluate_when_idle(settings: Automation, jobs: Jobs) -> dg.SensorDefinition:
    """Return the sensor that requests one run of evaluations after any number of restorations.

    It waits until no restoration is in progress and the last one ended `settings.evaluate` minutes
    ago. The command line evaluates by itself.
    """
    minutes = float(settings.evaluate)

    @dg.sensor(
        name="evaluate_when_idle",
        job=jobs[EVALUATE],
        description=f"Brings the evaluations up to date once nothing has been restored for"
        f" {minutes:g} minutes.",
        **polling(settings),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance = context.instance
        made = instance.fetch_materializations(dg.AssetKey(GALLERY), limit=1).records
        latest = str(made[0].storage_id if made else 0)
        if context.cursor is None:
            return dg.SensorResult(skip_reason="watches the gallery from now on", cursor=latest)
        if latest == context.cursor:
            return dg.SensorResult(skip_reason="no restoration since the last evaluations")
        run = instance.get_run_by_id(made[0].run_id)
        if run is not None and _interactive(run):
            skip = "the command line restored, and evaluates itself"
            return dg.SensorResult(skip_reason=skip, cursor=latest)
        restorations = (*PLANNING_JOBS, RESTORE, RESTORE_PART)
        if (running := _unfinished(instance, restorations)) is not None:
            skip = (
                f"a restoration is in progress: {running.job_name}, run {running.run_id[:8]}. If"
                " it has died, terminate it in the UI"
            )
            return dg.SensorResult(skip_reason=skip)
        ended = max(_last_end(instance, restorations), made[0].timestamp)
        if (left := ended + 60 * minutes - time.time()) > 0:
            skip = f"waiting for {left:.0f} s in which nothing is restored"
            return dg.SensorResult(skip_reason=skip)
        tags = {
            REASON: f"nothing was restored for {minutes:g} minutes",
            AUTOMATED: "true",
            PRIORITY: AFTER_OTHERS,
        }
        request = PlannedRun(EVALUATE, tags=tags).request(f"gallery:{latest}")
        return dg.SensorResult(run_requests=[request], cursor=latest)

    return sensor


FollowUps = Callable[
    [dg.DagsterInstance, Sequence[dg.EventLogRecord], int], tuple[list[PlannedRun], str, int]
]
"""Returns the runs that follow from the first materializations after the cursor, what their run
keys begin with, and the new cursor."""


def _materialization_sensor(
    asset: str,
    settings: Automation,
    jobs: Jobs,
    follow_ups: FollowUps,
    *,
    name: str,
    description: str,
) -> dg.SensorDefinition:
    """Return a sensor that acts on each materialization of an asset after its first tick."""

    @dg.sensor(
        name=name,
        jobs=[jobs[each] for each in (RESTORE, RESTORE_PART, PUBLISH, EVALUATE)],
        description=description,
        **polling(settings),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance, key = context.instance, dg.AssetKey(asset)
        if context.cursor is None:
            latest = instance.fetch_materializations(key, limit=1).records
            cursor = str(latest[0].storage_id if latest else 0)
            return dg.SensorResult(skip_reason=f"watches {asset} from now on", cursor=cursor)
        after = int(context.cursor)
        made = instance.fetch_materializations(
            dg.AssetRecordsFilter(key, after_storage_id=after), limit=PAGE, ascending=True
        ).records
        if not made:
            return dg.SensorResult(
                skip_reason=f"{asset} has not been materialized since the last tick"
            )
        runs, run_key, last = follow_ups(instance, made, after)
        if not runs:
            skip = f"no run follows the one that made {asset}: {made[0].run_id[:8]}"
            return dg.SensorResult(skip_reason=skip, cursor=str(last))
        requests = [
            run.request(f"{run_key}:{run.job if run.job == PUBLISH else number}")
            for number, run in enumerate(runs)
        ]
        return dg.SensorResult(run_requests=requests, cursor=str(last))

    return sensor


def named(names: Sequence[str]) -> str:
    """Name some paintings or files, shortened, and count the rest."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    first = names[:NAMED]
    return ", ".join(n if len(n) <= NAME_LENGTH else f"{n[:NAME_LENGTH]}…" for n in first) + more


def _leaves_new_paintings(instance: dg.DagsterInstance, event: dg.EventLogRecord) -> bool:
    """Whether the run that made a list leaves new paintings on it to others."""
    run = instance.get_run_by_id(event.run_id)
    plans = run and (run.job_name in PLANNING_JOBS or _interactive(run))
    return run is not None and (not plans or bool(_selection(run)))


def _is_another_list(
    instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord], after: int
) -> bool:
    """Whether one of some lists differs from that before it, the first from the last known."""
    known = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(STYLED_PAINTINGS), before_storage_id=after + 1), limit=1
    ).records
    versions = [
        (each.asset_materialization.tags or {}).get(DATA_VERSION_TAG)
        for each in [*known, *made]
        if each.asset_materialization is not None
    ]
    return not known or len(set(versions)) > 1


def _unfinished(instance: dg.DagsterInstance, jobs: Sequence[str]) -> dg.DagsterRun | None:
    """Return a run of some jobs that is in progress or waits for its turn, if there is one.

    It need not be a job's latest: a corrected mask is restored beside the runs of a plan.
    """
    wanted = (dg.RunsFilter(job_name=job, statuses=UNFINISHED) for job in jobs)
    return next((run for each in wanted for run in instance.get_runs(each, limit=1)), None)


def _last_end(instance: dg.DagsterInstance, jobs: Sequence[str]) -> float:
    """Return the Unix time at which the last of the finished runs of some jobs ended, or 0."""
    ended = (
        record.end_time or 0.0
        for job in jobs
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job), limit=1, order_by="update_timestamp"
        )
    )
    return max(ended, default=0.0)


def _interactive(run: dg.DagsterRun) -> bool:
    """Whether the run's starter also starts its follow-up runs."""
    return run.tags.get(INTERACTIVE) == "true"


def _selection(run: dg.DagsterRun) -> str:
    """Say what a plan was narrowed to, from the run's configuration."""
    ops: Mapping[str, Any] = run.run_config.get("ops", {})  # type: ignore[assignment]
    config = ops.get(RESTORATION_PLAN, {}).get("config", {})
    words = [
        f"{name} {named(value) if isinstance(value, list) else value}"
        for name, value in config.items()
        if value and name in {"paintings", "style"}
    ]
    return f" ({'; '.join(words)})" if words else ""
