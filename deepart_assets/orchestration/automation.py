"""What starts by itself: sensors on folders, schedules, and runs that follow from others.

Belongs here: which runs are asked for, of which paintings, and the words that say why. Does not
belong here: what is stale (`plan`), when a folder is still (`folders`), what a run does.

Every run carries `deepart/because`, and is asked for once: its run key names what it follows from.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from deepart_assets.orchestration.events import metadata_made_in
from deepart_assets.orchestration.factory import PAINTINGS
from deepart_assets.orchestration.folders import Tags, folder_sensor
from deepart_assets.orchestration.notifications import Notification, hook_of
from deepart_assets.orchestration.observed import ORIGINALS, Observed
from deepart_assets.orchestration.plan import runs_of
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.tags import AUTOMATED, BECAUSE, FORCE, range_tags
from deepart_assets.settings.automation import Automation
from deepart_assets.wikiart.sources.inbox import inbox_lake

Jobs = dict[str, UnresolvedAssetJobDefinition]

PLANNING = ("restore_stale", "restore_style", "restore_again")
"""The jobs that make a plan."""

NAMED = 5
"""Paintings that a reason names; of more it says how many."""


def sensors_of(
    settings: Automation, jobs: Jobs, masks: Observed, plan: str, runs: str
) -> list[dg.SensorDefinition]:
    """Return the sensors.

    Args:
        settings: How often they look, and whether they run from the start.
        jobs: The jobs by name.
        masks: The curator's masks.
        plan: The asset whose materialization asks for runs, in its metadata `runs`.
        runs: Name of that metadata: first and last partition of each run.
    """
    running = dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED

    def inbox_runs(
        profile: Profile, instance: dg.DagsterInstance, names: Sequence[str]
    ) -> list[Tags]:
        return [{BECAUSE: f"the inbox changed: {named(names)}", AUTOMATED: "true"}]

    def masks_runs(
        profile: Profile, instance: dg.DagsterInstance, names: Sequence[str]
    ) -> list[Tags]:
        keys = [name.removesuffix(masks.suffix) for name in names if name.endswith(masks.suffix)]
        because = f"a curator's masks changed: {named(keys)}"
        return list(_restorations(instance, keys, settings, {BECAUSE: because, AUTOMATED: "true"}))

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="restore_new_paintings",
        description="When the list of paintings was made anew: restores those that are new on it or"
        " changed, or publishes the gallery without those that left it.",
        monitored_jobs=[jobs["take_in"], jobs["catalogue"]],
        request_jobs=[jobs["restore"], jobs["publish"]],
        minimum_interval_seconds=settings.look_seconds,
        default_status=running,
    )
    def restore_new_paintings(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest]:
        run = context.dagster_run
        keys = _observed_in(context.instance, run.run_id)
        because = f"new or changed on the list: {named(keys)}"
        tags = {BECAUSE: because, AUTOMATED: "true"}
        yield from _requests(context.instance, run.run_id, keys, settings, tags)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="restore_what_is_stale",
        description="When a plan was made: starts runs for just the paintings that are stale.",
        monitored_jobs=[jobs[each] for each in PLANNING],
        request_jobs=[jobs["restore"], jobs["publish"]],
        minimum_interval_seconds=settings.look_seconds,
        default_status=running,
    )
    def restore_what_is_stale(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest]:
        run = context.dagster_run
        made = metadata_made_in(context.instance, run.run_id, plan)
        spans: list[list[str]] = list(made[runs].value) if made else []
        tags = {AUTOMATED: "true"} if run.tags.get(AUTOMATED) == "true" else {}
        if made and made["force"].value:
            tags[FORCE] = "true"
        tags[BECAUSE] = run.tags.get(BECAUSE) or f"asked for by run {run.run_id[:8]}"
        for number, span in enumerate(spans):
            yield dg.RunRequest(
                run_key=f"{run.run_id}:{number}",
                job_name="restore",
                tags={**tags, **range_tags(span)},
            )
        if not spans:
            yield dg.RunRequest(run_key=f"{run.run_id}:publish", job_name="publish", tags=tags)

    def told(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        failures = [
            str(record.event_log_entry.dagster_event.event_specific_data.error_display_string)  # type: ignore[union-attr]
            for record in context.instance.get_records_for_run(
                run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
            ).records
        ]
        hook_of(settings.notify)(
            Notification(
                run.run_id,
                run.job_name,
                run.is_success,
                run.tags.get(BECAUSE, ""),
                tuple(failure.splitlines()[0] for failure in failures if failure),
            )
        )

    return [
        folder_sensor(
            settings,
            name="inbox",
            description="Takes in what people drop in the inbox, once nothing changes in it.",
            job="take_in",
            stamps=lambda profile: inbox_lake(profile.settings.inbox, profile.lake).stamps(""),
            runs=inbox_runs,
        ),
        folder_sensor(
            settings,
            name=f"{masks.asset}_folder",
            description="Restores the paintings whose mask a curator added, changed or removed.",
            job="restore",
            stamps=lambda profile: profile.lake.stamps(masks.folder),
            runs=masks_runs,
        ),
        restore_new_paintings,
        restore_what_is_stale,
        *(
            dg.run_status_sensor(
                run_status=status,
                name=f"notify_{word}",
                description=f"Tells of each run that {word}, as automation.notify says.",
                default_status=running,
            )(told)
            for status, word in (
                (dg.DagsterRunStatus.SUCCESS, "succeeded"),
                (dg.DagsterRunStatus.FAILURE, "failed"),
            )
        ),
    ]


def schedules_of(settings: Automation, jobs: Jobs) -> list[dg.ScheduleDefinition]:
    """Return the nightly and the weekly schedule."""
    status = dg.DefaultScheduleStatus
    running = status.RUNNING if settings.running else status.STOPPED
    return [
        dg.ScheduleDefinition(
            name=name,
            job=jobs[job],
            cron_schedule=cron,
            execution_timezone=settings.time_zone,
            default_status=running,
            description=description,
            tags={BECAUSE: because, AUTOMATED: "true"},
        )
        for name, job, cron, because, description in (
            (
                "nightly",
                "restore_stale",
                settings.nightly,
                "every night: what is stale",
                "Makes a plan; what is stale in it is restored.",
            ),
            (
                "weekly",
                "catalogue",
                settings.weekly,
                "every week: new paintings of the sources",
                "Reads the sources again; what is new on the list is restored.",
            ),
        )
    ]


def named(keys: Sequence[str]) -> str:
    """Name some paintings or files, and count the rest."""
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(keys[:NAMED]) + more


def _requests(
    instance: dg.DagsterInstance,
    origin: str,
    keys: Sequence[str],
    settings: Automation,
    tags: Tags,
) -> Iterator[dg.RunRequest]:
    number = -1
    for number, each in enumerate(_restorations(instance, keys, settings, tags)):
        yield dg.RunRequest(run_key=f"{origin}:{number}", job_name="restore", tags=dict(each))
    if number < 0:
        yield dg.RunRequest(
            run_key=f"{origin}:publish",
            job_name="publish",
            tags={BECAUSE: "the list was made anew", AUTOMATED: "true"},
        )


def _restorations(
    instance: dg.DagsterInstance, keys: Sequence[str], settings: Automation, tags: Tags
) -> Iterator[Tags]:
    """Yield the tags of each run that restores some paintings."""
    order = instance.get_dynamic_partitions(str(PAINTINGS.name))
    for run in runs_of(keys, order, gap=settings.gap, most=settings.batch):
        yield {**tags, **range_tags(run)}


def _observed_in(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return the paintings whose original a run found new or changed."""
    found: dict[str, None] = {}
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION)
    for record in records.records:
        event = record.event_log_entry.dagster_event
        if event is None or event.asset_key != dg.AssetKey(ORIGINALS):
            continue
        if event.partition is not None:
            found[event.partition] = None
    return list(found)
