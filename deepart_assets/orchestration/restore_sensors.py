"""Runs that follow from others: of what is new on the list, of what a plan found stale.

Belongs here: which runs follow, of which paintings, and the words that say why. Does not belong
here: what is stale (`plan`), what starts the first run (`automation`).

A sensor's cursor is the event it acted on last, stored with the runs it asked for: an error or a
killed daemon leaves it where it was, and run keys keep what was asked for from being asked twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from deepart_assets.orchestration.asset_factory import PAINTINGS
from deepart_assets.orchestration.observable_assets import ORIGINALS
from deepart_assets.orchestration.planner import runs_of
from deepart_assets.orchestration.tags import (
    AUTOMATED,
    FORCE,
    INTERACTIVE,
    PRIORITY,
    REASON,
    Tags,
    range_tags,
)
from deepart_assets.settings.automation import Automation

Jobs = dict[str, UnresolvedAssetJobDefinition]

PLANNING = ("restore_stale", "restore_style", "restore_again")
"""The jobs that make a plan, and after which what is stale in it is restored."""

NAMED = 5
"""Paintings or files that a reason names; of more it says how many."""

NAME_LENGTH = 60
"""Letters of each."""

PAGE = 100
"""Events that a sensor looks at in one tick."""


def restore_new_paintings(
    settings: Automation, jobs: Jobs, catalogue: str, plan: str
) -> dg.SensorDefinition:
    """Return the sensor that acts on the list of paintings, the asset `catalogue`.

    It leaves alone what restores all that is new itself: a run that makes the asset `plan`, of all
    paintings, and the command line.
    """

    def requests(
        instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord], after: int
    ) -> tuple[list[dg.RunRequest], int]:
        ours = [each for each in made if _leaves_the_new(instance, each, plan)]
        if not ours:
            return [], made[-1].storage_id
        upto = ours[-1].storage_id
        # Those that a killed run told of, too: the next list does not tell of them again.
        told = instance.event_log_storage.get_latest_storage_id_by_partition(
            dg.AssetKey(ORIGINALS), dg.DagsterEventType.ASSET_OBSERVATION
        )
        keys = [key for key, event in told.items() if after < event <= upto]
        tags = {REASON: f"new or changed on the list: {named(keys)}", AUTOMATED: "true"}
        asked = _requests(f"list:{upto}", list(restorations(instance, keys, settings, tags)))
        because = {REASON: "the list of paintings was made anew", AUTOMATED: "true"}
        publish = dg.RunRequest(run_key=f"list:{upto}:publish", job_name="publish", tags=because)
        return asked or [publish], upto

    return _acts_on(
        catalogue,
        settings,
        jobs,
        requests,
        name="restore_new_paintings",
        description="When the list of paintings was made anew: restores those that are new on it or"
        " changed, or publishes the gallery without those that left. Leaves alone what restores all"
        " that is stale.",
    )


def restore_what_is_stale(
    settings: Automation, jobs: Jobs, plan: str, runs: str
) -> dg.SensorDefinition:
    """Return the sensor that acts on the asset `plan`.

    Its metadata `runs` has the first and last partition of each run, `force` whether those make
    again what is up to date.
    """

    def requests(
        instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord], after: int
    ) -> tuple[list[dg.RunRequest], int]:
        event = made[0]
        materialization = event.asset_materialization
        run = instance.get_run_by_id(event.run_id)
        if (
            run is None
            or materialization is None
            or run.job_name not in PLANNING
            or _interactive(run)
        ):
            return [], event.storage_id
        spans: list[list[str]] = list(materialization.metadata[runs].value)  # type: ignore[arg-type]
        tags = {name: run.tags[name] for name in (AUTOMATED, PRIORITY) if name in run.tags}
        if materialization.metadata["force"].value:
            tags[FORCE] = "true"
        tags[REASON] = f"{run.tags.get(REASON, run.job_name)}{_asked(run, plan)}" + (
            "" if AUTOMATED in tags else f" (run {run.run_id[:8]})"
        )
        key = f"plan:{event.storage_id}"
        asked = _requests(key, [{**tags, **range_tags(span)} for span in spans])
        publish = dg.RunRequest(run_key=f"{key}:publish", job_name="publish", tags=tags)
        return asked or [publish], event.storage_id

    return _acts_on(
        plan,
        settings,
        jobs,
        requests,
        name="restore_what_is_stale",
        description=f"When {' or '.join(PLANNING)} has made a plan: starts runs for just the"
        " paintings that are stale.",
    )


Requests = Callable[
    [dg.DagsterInstance, Sequence[dg.EventLogRecord], int], tuple[list[dg.RunRequest], int]
]
"""Returns what follows from the first materializations after the cursor, and the new cursor."""


def _acts_on(
    asset: str,
    settings: Automation,
    jobs: Jobs,
    requests: Requests,
    *,
    name: str,
    description: str,
) -> dg.SensorDefinition:
    """Return a sensor that acts on each materialization of an asset after its first look."""

    @dg.sensor(
        name=name,
        jobs=[jobs[each] for each in ("restore", "restore_part", "publish")],
        description=description,
        minimum_interval_seconds=settings.poll_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.running
        else dg.DefaultSensorStatus.STOPPED,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance, key = context.instance, dg.AssetKey(asset)
        if context.cursor is None:
            latest = instance.fetch_materializations(key, limit=1).records
            cursor = str(latest[0].storage_id if latest else 0)
            return dg.SensorResult(skip_reason=f"acts on {asset} from now on", cursor=cursor)
        after = int(context.cursor)
        made = instance.fetch_materializations(
            dg.AssetRecordsFilter(key, after_storage_id=after), limit=PAGE, ascending=True
        ).records
        if not made:
            return dg.SensorResult(
                skip_reason=f"{asset} was not made since the last look", cursor=context.cursor
            )
        asked, upto = requests(instance, made, after)
        if not asked:
            nothing = f"{asset} was made by a run from which nothing follows: {made[0].run_id[:8]}"
            return dg.SensorResult(skip_reason=nothing, cursor=str(upto))
        return dg.SensorResult(run_requests=asked, cursor=str(upto))

    return look


def _requests(key: str, runs: Sequence[Tags]) -> list[dg.RunRequest]:
    """Return runs that restore; what is made of all paintings together is left to the last."""
    last = len(runs) - 1
    return [
        dg.RunRequest(
            run_key=f"{key}:{number}",
            job_name="restore" if number == last else "restore_part",
            tags=dict(tags),
        )
        for number, tags in enumerate(runs)
    ]


def restorations(
    instance: dg.DagsterInstance, keys: Sequence[str], settings: Automation, tags: Tags
) -> Iterator[Tags]:
    """Yield the tags of each run that restores some paintings."""
    order = instance.get_dynamic_partitions(str(PAINTINGS.name))
    for run in runs_of(
        keys, order, max_gap=settings.max_partition_gap, max_size=settings.max_partitions_per_run
    ):
        yield {**tags, **range_tags(run)}


def named(names: Sequence[str]) -> str:
    """Name some paintings or files, shortened, and count the rest."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    shown = (name if len(name) <= NAME_LENGTH else f"{name[:NAME_LENGTH]}…" for name in names)
    return ", ".join(each for each, _ in zip(shown, range(NAMED), strict=False)) + more


def _leaves_the_new(instance: dg.DagsterInstance, event: dg.EventLogRecord, plan: str) -> bool:
    """Whether the run that made a list restores what is new on it not at all, or a part of it."""
    run = instance.get_run_by_id(event.run_id)
    if run is None:
        return False
    return not (run.job_name in PLANNING or _interactive(run)) or bool(_asked(run, plan))


def _interactive(run: dg.DagsterRun) -> bool:
    """Whether what follows from the run is started by who started it."""
    return run.tags.get(INTERACTIVE) == "true"


def _asked(run: dg.DagsterRun, plan: str) -> str:
    """Say what somebody narrowed a plan to, from the run's configuration."""
    ops: Mapping[str, Any] = run.run_config.get("ops", {})  # type: ignore[assignment]
    config = ops.get(plan, {}).get("config", {})
    words = [
        f"{name} {named(value) if isinstance(value, list) else value}"
        for name, value in config.items()
        if value and value is not True
    ]
    return f" ({'; '.join(words)})" if words else ""
