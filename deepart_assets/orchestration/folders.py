"""Folders that people put files into: looked at by a sensor, taken in once they are still.

Belongs here: when a folder has changed and nobody is copying any more. Does not belong here: what
is asked for then (`automation`).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from deepart_assets.orchestration.resources import Profile
from deepart_assets.settings.automation import Automation
from deepart_assets.storage import sha256_of_json

Tags = Mapping[str, str]
"""The tags of a run that is asked for."""


@dataclass(frozen=True)
class Stillness:
    """A folder that is taken in once it has changed and then been still for a while.

    The whole state is a sensor's cursor, so that a restarted daemon goes on where it was.
    """

    taken: Mapping[str, str]
    """The stamps of its files when it was last taken in."""
    seen: Mapping[str, str]
    """The stamps at the last look."""
    since: float
    """When it was first seen so, in seconds."""
    count: int = 0
    """How often it was taken in: two equal states may be two events."""

    @classmethod
    def read(cls, cursor: str | None) -> "Stillness | None":
        """Return what a cursor says; None where there is none yet."""
        return None if not cursor else cls(**json.loads(cursor))

    def look(self, now: Mapping[str, str], clock: float, quiet: float) -> "tuple[Stillness, bool]":
        """Return the state after a look, and whether it is to be taken in now."""
        if now != self.seen:
            return Stillness(self.taken, dict(now), clock, self.count), False
        if now == self.taken or clock - self.since < quiet:
            return self, False
        return Stillness(dict(now), dict(now), self.since, self.count + 1), True

    @property
    def changed(self) -> set[str]:
        """Names of the files that are not as they were when last taken in."""
        names = {*self.taken, *self.seen}
        return {name for name in names if self.taken.get(name) != self.seen.get(name)}

    def write(self) -> str:
        """Return the cursor."""
        return json.dumps(vars(self))


def folder_sensor(
    settings: Automation,
    *,
    name: str,
    description: str,
    job: str,
    stamps: Callable[[Profile], Mapping[str, str]],
    runs: Callable[[Profile, dg.DagsterInstance, Sequence[str]], Sequence[Tags]],
) -> dg.SensorDefinition:
    """Return a sensor that asks for runs when a folder has changed and is still.

    Args:
        settings: How often it looks, and how long still is.
        name: The sensor's name.
        description: What the UI says of it.
        job: The job that is asked for.
        stamps: Returns the stamps of the folder's files by name.
        runs: Returns the tags of each run for the names of the files that changed.
    """

    @dg.sensor(
        name=name,
        job_name=job,
        description=description,
        minimum_interval_seconds=settings.look_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.running
        else dg.DefaultSensorStatus.STOPPED,
    )
    def look(
        context: dg.SensorEvaluationContext, profile: dg.ResourceParam[Profile]
    ) -> dg.SensorResult:
        now = stamps(profile)
        before = Stillness.read(context.cursor) or Stillness({}, {}, 0.0)
        after, due = before.look(now, time.time(), settings.quiet_seconds)
        changed = sorted(Stillness(before.taken, now, 0.0).changed)
        if not due:
            waiting = f"{len(changed)} files have changed: waiting until nothing does"
            return dg.SensorResult(
                skip_reason=waiting if changed else f"nothing new among {len(now)} files",
                cursor=after.write(),
            )
        # Asked for once, also if the daemon is killed before it has written the cursor.
        key = f"{name}:{after.count}:{sha256_of_json(after.taken)[:16]}"
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(run_key=f"{key}:{number}", tags=dict(tags))
                for number, tags in enumerate(runs(profile, context.instance, changed))
            ],
            cursor=after.write(),
        )

    return look
