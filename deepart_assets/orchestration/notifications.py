"""What is reported when a run has ended, and to whom.

To be notified in another way (mail, a chat), write a function of one argument and name it in the
profile: `automation: {notify: "my_module:notify"}`. Exceptions appear on the sensor's tick; each
run is reported once.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import dagster as dg

from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.folder_sensors import polling
from deepart_assets.orchestration.step_failures import reason_of
from deepart_assets.orchestration.tags import REASON
from deepart_assets.settings.automation import Automation


@dataclass(frozen=True)
class Notification:
    """A run that has ended."""

    run_id: str
    job: str
    succeeded: bool
    reason: str
    """Why it was started, in words; "" where Dagster does not know."""
    failures: tuple[str, ...] = ()
    """The message of each failed asset after its name; else why the whole run failed."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        state = "succeeded" if self.succeeded else "failed"
        why = f" ({self.reason})" if self.reason else ""
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
            f"automation.notify: {name} cannot be imported ({error}): name a function as"
            " module:function"
        ) from error
    if not callable(found):
        raise SettingsError(f"automation.notify: {name} is not a function")
    hook: Hook = found
    return hook


def notification_sensors(settings: Automation) -> list[dg.SensorDefinition]:
    """Return the sensors that report each run that has ended.

    Raises:
        SettingsError: The function that `notify` names does not exist.
    """
    hook = hook_of(settings.notify)

    def notify(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        failures = list(_failures(context.instance, run.run_id))
        if not failures and not run.is_success:
            failures = [context.dagster_event.message or "no reason given"]
        reason = run.tags.get(REASON, "")
        hook(Notification(run.run_id, run.job_name, run.is_success, reason, tuple(failures)))

    return [
        dg.run_status_sensor(
            run_status=status,
            name=f"notify_{word}",
            description=f"Reports each run that {word}, as automation.notify says.",
            **polling(settings),
        )(notify)
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
        reason = reason_of(event).partition("\n")[0]
        yield f"{event.step_key}: {reason or 'no reason given'}"
