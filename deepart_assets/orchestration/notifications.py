"""What is told when a run has ended, and to whom.

Belongs here: the notification, the function that is called by default, and the sensors that call
the profile's. Does not belong here: what a run does.

To be told in another way (mail, a chat), write a function of one argument and name it in the
profile: `automation: {notify: "my_module:tell"}`. What it raises stands on the sensor's tick; no
run is told of twice.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import dagster as dg

from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.tags import REASON
from deepart_assets.settings.automation import Automation


@dataclass(frozen=True)
class Notification:
    """A run that has ended."""

    run_id: str
    job: str
    succeeded: bool
    because: str
    """Why it was started, in words; "" where Dagster does not know."""
    failures: tuple[str, ...] = ()
    """What its failed assets said, each after the asset's name; else why the whole run failed."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        state = "succeeded" if self.succeeded else "failed"
        why = f" ({self.because})" if self.because else ""
        return f"{self.job}{why} {state}: run {self.run_id}" + "".join(
            f"; {failure}" for failure in self.failures
        )


Hook = Callable[[Notification], object]


def log(notification: Notification) -> None:
    """Write a line to the log of the code location."""
    level = logging.INFO if notification.succeeded else logging.ERROR
    logging.getLogger("deepart_assets").log(level, notification.line)


def hook_of(name: str) -> Hook:
    """Return the function that `automation.notify` names, as module:function.

    Raises:
        SettingsError: There is none; names the key.
    """
    module, function = name.split(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"automation.notify: there is no {name} ({error}): name a function as module:function"
        ) from error
    if not callable(found):
        raise SettingsError(f"automation.notify: {name} is no function")
    hook: Hook = found
    return hook


def notification_sensors(settings: Automation) -> list[dg.SensorDefinition]:
    """Return the sensors that tell of each run that has ended.

    Raises:
        SettingsError: There is no function that `notify` names.
    """
    hook = hook_of(settings.notify)

    def told(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        failures = list(_failures(context.instance, run.run_id))
        if not failures and not run.is_success:
            failures = [context.dagster_event.message or "no reason given"]
        because = run.tags.get(REASON, "")
        hook(Notification(run.run_id, run.job_name, run.is_success, because, tuple(failures)))

    running = dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED
    return [
        dg.run_status_sensor(
            run_status=status,
            name=f"notify_{word}",
            description=f"Tells of each run that {word}, as automation.notify says.",
            minimum_interval_seconds=settings.poll_interval_seconds,
            default_status=running,
        )(told)
        for status, word in (
            (dg.DagsterRunStatus.SUCCESS, "succeeded"),
            (dg.DagsterRunStatus.FAILURE, "failed"),
        )
    ]


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for record in records.records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        data = event.step_failure_data
        stated, error = data.user_failure_data, data.error
        while error is not None and error.cause is not None:  # Dagster's own wrapping
            error = error.cause
        message = error.message.strip() if error is not None else ""
        reason = (stated.description if stated is not None else None) or message
        yield f"{event.step_key}: {reason.splitlines()[0] if reason else 'no reason given'}"
