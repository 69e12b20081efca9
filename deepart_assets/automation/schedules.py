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
    return [
        _schedule(
            settings,
            "nightly",
            jobs["restore_stale"],
            "every night: what is stale",
            "Makes a plan; what is stale in it is restored.",
        ),
        _schedule(
            settings,
            "weekly",
            jobs["catalogue"],
            "every week: new paintings of the sources",
            "Reads the sources again; what is new on the list is restored.",
        ),
        *(
            [
                _schedule(
                    settings,
                    EVALUATE,
                    jobs[EVALUATE],
                    "the evaluations' time has come",
                    "Brings the evaluations up to date.",
                )
            ]
            if isinstance(settings.evaluate, str)
            else []
        ),
        *(
            [
                _schedule(
                    settings,
                    renewal,
                    jobs[renewal],
                    "the library of grounds is renewed",
                    "The library of grounds takes in new paintings; what that makes stale is"
                    " restored again.",
                )
            ]
            if settings.renew_ground_library is not None
            else []
        ),
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
