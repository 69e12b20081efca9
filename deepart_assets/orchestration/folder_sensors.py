"""Folders that people put files into: looked at by a sensor, taken in once they are still.

Belongs here: when a folder has changed and nobody is copying any more. Does not belong here: what
is asked for then (`automation`), what a folder holds.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from deepart_assets.orchestration.planner import PlannedRun
from deepart_assets.orchestration.resources import Profile
from deepart_assets.settings.automation import Automation
from deepart_assets.storage import Lake, sha256_of_json

Stamps = Mapping[str, str]
"""The stamp of each file by name: another file, another stamp."""

NOTHING = sha256_of_json({})
"""The digest of an empty folder's stamps."""


@dataclass(frozen=True)
class Debounce:
    """A folder that is taken in once it has changed and then been still for a while.

    The whole state is a sensor's cursor, so that a restarted daemon goes on where it was. States
    of the folder are digests of its stamps: a cursor is stored anew at each look, and the stamps
    of 100,000 files are megabytes.
    """

    taken: str = NOTHING
    """The folder's state when it was last taken in."""
    seen: str = NOTHING
    """Its state at the last look."""
    since: float = 0.0
    """When it was first seen so, in seconds since 1970."""
    count: int = 0
    """How often it was taken in: two equal states may be two events."""

    @classmethod
    def read(cls, cursor: str | None) -> "Debounce":
        """Return what a cursor says; without one nothing has been taken in."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def look(self, now: str, clock: float, quiet: float) -> "tuple[Debounce, bool]":
        """Return the state after a look, and whether the folder is to be taken in now.

        Args:
            now: The folder's state.
            clock: Seconds since 1970; it may be set back between two looks.
            quiet: Seconds for which nothing may have changed.
        """
        if now != self.seen or clock < self.since:
            return Debounce(self.taken, now, clock, self.count), False
        if now == self.taken or clock - self.since < quiet:
            return self, False
        return Debounce(now, now, self.since, self.count + 1), True

    def write(self) -> str:
        """Return the cursor."""
        return json.dumps(vars(self))


@dataclass(frozen=True)
class FolderSnapshot:
    """What a folder held when it was taken in: kept in the lake, found by its digest.

    It is written before the cursor that names it, and the one before is kept until then: killed in
    between, the daemon finds the same change again.
    """

    lake: Lake
    folder: str

    def stamps(self, digest: str) -> Stamps:
        """Return the stamps; none if the file was removed, so that everything counts as changed."""
        try:
            found: dict[str, str] = self.lake.read_json(self._path(digest))
        except FileNotFoundError:
            return {}
        return found

    def keep(self, before: str, digest: str, stamps: Stamps) -> None:
        """Keep the stamps beside those `before`, and remove any older ones."""
        # ASCII: the names of old systems' files may be no Unicode.
        self.lake.write(self._path(digest), json.dumps(stamps).encode())
        for path in self.lake.list(self.folder):
            if path not in (self._path(before), self._path(digest)):
                self.lake.remove(path)

    def _path(self, digest: str) -> str:
        return f"{self.folder}/{digest}.json"


def changed(before: Stamps, now: Stamps) -> list[str]:
    """Return the names of files that were added, altered or removed, sorted."""
    names = before.keys() | now.keys()
    return sorted(name for name in names if before.get(name) != now.get(name))


def folder_sensor(
    settings: Automation,
    *,
    name: str,
    description: str,
    jobs: Sequence[Any],
    stamps: Callable[[Profile], Stamps],
    runs: Callable[[dg.DagsterInstance, Sequence[str]], Sequence[PlannedRun]],
) -> dg.SensorDefinition:
    """Return a sensor that asks for runs when a folder has changed and is still.

    Args:
        settings: How often it looks, and how long still is.
        name: The sensor's name.
        description: What the UI says of it.
        jobs: The jobs of the runs.
        stamps: Returns the stamps of the folder's files by name.
        runs: Returns the runs for the names of the files that changed.
    """

    @dg.sensor(
        name=name,
        jobs=jobs,
        description=description,
        minimum_interval_seconds=settings.poll_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.running
        else dg.DefaultSensorStatus.STOPPED,
    )
    def look(
        context: dg.SensorEvaluationContext, profile: dg.ResourceParam[Profile]
    ) -> dg.SensorResult:
        now = stamps(profile)
        digest = sha256_of_json(now)
        taken_in = FolderSnapshot(profile.lake, f"automation/{name}")
        before = Debounce.read(context.cursor)
        after, due = before.look(digest, time.time(), settings.debounce_seconds)
        if digest == before.taken:
            nothing = f"nothing new among {len(now)} files"
            return dg.SensorResult(skip_reason=nothing, cursor=after.write())
        names = changed(taken_in.stamps(before.taken), now)
        if not due:
            waiting = (
                f"{counted(names)} changed: waiting until nothing does for"
                f" {settings.debounce_seconds:g} s"
            )
            return dg.SensorResult(skip_reason=waiting, cursor=after.write())
        taken_in.keep(before.taken, digest, now)
        # Asked for once, also if the daemon is killed before it has stored the cursor.
        key = f"{name}:{after.count}:{digest[:16]}"
        requests = [
            run.request(f"{key}:{number}")
            for number, run in enumerate(runs(context.instance, names))
        ]
        if not requests:
            concerns = f"{counted(names)} changed, which concerns no painting on the list"
            return dg.SensorResult(skip_reason=concerns, cursor=after.write())
        return dg.SensorResult(run_requests=requests, cursor=after.write())

    return look


def counted(names: Sequence[str]) -> str:
    """Say how many files there are."""
    return "1 file" if len(names) == 1 else f"{len(names)} files"
