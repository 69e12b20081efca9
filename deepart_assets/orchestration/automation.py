"""What starts by itself: sensors on folders, schedules, and all that follows.

Belongs here: what starts a first run, and the words that say why. Does not belong here: what is
stale (`plan`), when a folder is still (`folders`), runs that follow from others (`follow_ups`).

Every run carries `deepart/reason`, and is asked for once: its run key names what it follows from.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.folder_sensors import Stamps, folder_sensor
from deepart_assets.orchestration.notifications import notifying
from deepart_assets.orchestration.observable_assets import ObservableFolder
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.restore_sensors import (
    Jobs,
    named,
    restorations,
    restore_new_paintings,
    restore_what_is_stale,
)
from deepart_assets.orchestration.tags import AUTOMATED, PRIORITY, REASON, Tags
from deepart_assets.settings.automation import Automation
from deepart_assets.wikiart.sources.inbox import inbox_stamps

LATER = "-1"
"""Priority of what runs at night: what somebody waits for is next."""


WORDS = {
    "nightly": (
        "every night: what is stale",
        "Makes a plan; what is stale in it is restored.",
    ),
    "weekly": (
        "every week: new paintings of the sources",
        "Reads the sources again; what is new on the list is restored.",
    ),
}
"""Of each schedule: why its runs are started, and what the UI says of it."""


def sensors_of(
    settings: Automation,
    jobs: Jobs,
    masks: ObservableFolder,
    *,
    catalogue: str,
    plan: str,
    runs: str,
) -> list[dg.SensorDefinition]:
    """Return the sensors.

    Args:
        settings: How often they look, and whether they run from the start.
        jobs: The jobs by name.
        masks: The curator's masks.
        catalogue: The asset that lists the paintings to restore.
        plan: The asset whose materialization asks for runs, in its metadata `runs`.
        runs: Name of that metadata: first and last partition of each run.

    Raises:
        SettingsError: There is no function that `notify` names.
    """

    def inbox(profile: Profile) -> Stamps:
        return inbox_stamps(profile.settings.inbox, profile.lake)

    def inbox_runs(instance: dg.DagsterInstance, names: Sequence[str]) -> list[Tags]:
        return [{REASON: f"the inbox changed: {named(names)}", AUTOMATED: "true", PRIORITY: "1"}]

    def masks_runs(instance: dg.DagsterInstance, names: Sequence[str]) -> list[Tags]:
        keys = [name.removesuffix(masks.suffix) for name in names if name.endswith(masks.suffix)]
        because = f"a curator's masks changed: {named(keys)}"
        return list(restorations(instance, keys, settings, {REASON: because, AUTOMATED: "true"}))

    return [
        folder_sensor(
            settings,
            name="inbox",
            description="Takes in what people drop in the inbox, once nothing changes in it.",
            job="take_in",
            stamps=inbox,
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
        restore_new_paintings(settings, jobs, catalogue, plan),
        restore_what_is_stale(settings, jobs, plan, runs),
        *notifying(settings),
    ]


def schedules_of(settings: Automation, jobs: Jobs) -> list[dg.ScheduleDefinition]:
    """Return the nightly and the weekly schedule.

    Raises:
        SettingsError: A cron line that Dagster does not take; names the key.
    """
    jobs_of = {"nightly": "restore_stale", "weekly": "catalogue"}
    return [_schedule(settings, name, jobs[job], *WORDS[name]) for name, job in jobs_of.items()]


def _schedule(
    settings: Automation, name: str, job: UnresolvedAssetJobDefinition, because: str, text: str
) -> dg.ScheduleDefinition:
    status = dg.DefaultScheduleStatus
    cron: str = getattr(settings, name)
    try:
        return dg.ScheduleDefinition(
            name=name,
            job=job,
            cron_schedule=cron,
            execution_timezone=settings.time_zone,
            default_status=status.RUNNING if settings.running else status.STOPPED,
            description=text,
            tags={REASON: because, AUTOMATED: "true", PRIORITY: LATER},
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"automation.{name}: {cron!r} is no cron line: give minute, hour, day, month and day of"
            ' the week, as "0 2 * * *" for every night at two'
        ) from error
