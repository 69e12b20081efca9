"""What is told when a run has ended, and to whom.

Belongs here: the notification and the function that is called by default. Does not belong here:
when it is called (`automation`).

To be told in another way (mail, a chat), write a function of one argument and name it in the
profile: `automation: {notify: "my_module:tell"}`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from deepart_assets.errors import SettingsError


@dataclass(frozen=True)
class Notification:
    """A run that has ended."""

    run_id: str
    job: str
    succeeded: bool
    because: str
    """Why it was started, in words; "" where somebody started it."""
    failures: tuple[str, ...] = ()
    """What its failed steps said."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        state = "succeeded" if self.succeeded else "failed"
        why = f" ({self.because})" if self.because else ""
        return f"{self.job}{why} {state}: run {self.run_id}" + "".join(
            f"; {failure}" for failure in self.failures
        )


def log(notification: Notification) -> None:
    """Write a line to the log of the code location."""
    level = logging.INFO if notification.succeeded else logging.ERROR
    logging.getLogger("deepart_assets").log(level, notification.line)


def hook_of(name: str) -> Callable[[Notification], object]:
    """Return the function that `automation.notify` names, as module:function.

    Raises:
        SettingsError: There is none; names the key.
    """
    module, function = name.split(":")
    try:
        found: Callable[[Notification], object] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"automation.notify: there is no {name} ({error}): name a function as module:function"
        ) from error
    return found
