"""The schedules: nightly, weekly, evaluations, and the renewal of the library of grounds."""

from typing import Any

import dagster as dg

from deepart_assets.automation.restore_sensors import Jobs
from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.planner import EVALUATE, RENEW_GROUND_LIBRARY
from deepart_assets.orchestration.tags import AFTER_OTHERS, AUTOMATED, PRIORITY, REASON
from deepart_assets.settings.automation import Automation


def schedules_of(settings: Automation, jobs: Jobs) -> list[dg.ScheduleDefinition]:
    """Return the schedules.

    Raises:
        SettingsError: A cron expression that Dagster refuses; names the key.
    """
    renewal = RENEW_GROUND_LIBRARY
    if settings.renew_ground_library is not None and renewal not in jobs:
        raise SettingsError(
            f"automation.{renewal}: no outpainter of the profile has the kind scene_completion, so"
            " there is no library of grounds: remove the setting"
        )
    schedules = [
        (
            "nightly",
            "restore_stale",
            "every night: what is stale",
            "Makes a plan; what is stale in it is restored.",
        ),
        (
            "weekly",
            "catalogue",
            "every week: new paintings of the sources",
            "Reads the sources again; what is new on the list is restored.",
        ),
    ]
    if isinstance(settings.evaluate, str):
        reason = "the evaluations' time has come"
        schedules.append((EVALUATE, EVALUATE, reason, "Brings the evaluations up to date."))
    if settings.renew_ground_library is not None:
        description = (
            "The library of grounds takes in new paintings; what that makes stale is restored"
            " again."
        )
        schedules.append((renewal, renewal, "the library of grounds is renewed", description))
    return [
        _schedule(settings, name, jobs[job], reason, description)
        for name, job, reason, description in schedules
    ]


def _schedule(
    settings: Automation, name: str, job: Any, reason: str, description: str
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
            description=description,
            tags={REASON: reason, AUTOMATED: "true", PRIORITY: AFTER_OTHERS},
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"automation.{name}: {cron!r} is not a cron expression: give minute, hour, day, month"
            ' and day of the week, as "0 2 * * *" for every night at two'
        ) from error
